import Collectors
import Diagnosis
import Glibc
import TestSupport
import Testing

/// Random writing, rotating, failing and restarting: every line arrives exactly once and in order.
@Suite(.timeLimit(.minutes(1))) struct LogPropertyTests {
    @Test(arguments: 1...60)
    func deliversEveryLineExactlyOnce(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var writer = Writer(fixture: LogFixture())
        let client = writer.fixture.client
        var configuration = LogCollector.Configuration(
            chunkBytes: .random(in: 1...300, using: &random), maxLineBytes: 100_000,
            readBytes: .random(in: 4096...8192, using: &random))
        configuration.progress = .raw
        configuration.quietTime = nil
        var collector = await writer.fixture.collector(configuration)
        for _ in 0..<200 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<9:
                try writer.write(using: &random)
            case 9..<14:
                if let chunk = await collector.collectData() { await collector.storeData(chunk) }
            case 14..<16:
                client.fail(Bool.random(using: &random) ? "down" : nil)
            case 16:
                collector = await writer.fixture.collector(configuration)
            case 17..<19:
                client.fail(nil)
                await collector.drain()
                writer.rename()
            default:
                client.fail(nil)
                await collector.drain()
                try writer.copyTruncate()
            }
        }
        try writer.finishLine()
        client.fail(nil)
        await collector.drain()
        let (got, wanted) = (writer.fixture.lines, writer.lines)
        let same = zip(got, wanted).prefix { $0 == $1 }.count
        let difference =
            "line \(same): got \(got.dropFirst(same).prefix(3)), wanted \(wanted.dropFirst(same).prefix(3))"
        #expect(same == max(got.count, wanted.count), "\(difference)")
    }

    /// Writes lines in pieces, and knows which there must be.
    private struct Writer {
        let fixture: LogFixture
        var lines: [String] = []
        private var unfinished = ""
        private var files = 0
        /// Whether a whole line stands in the file now: then its place has been stored once all is drained.
        private var hasLine = false
        private var serial = 0

        init(fixture: LogFixture) {
            self.fixture = fixture
        }

        mutating func write(using random: inout SeededGenerator) throws {
            try begin()
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                serial += 1
                let padding = ["", "é", "训练", "🚀\r", "\t-", "\0-"].randomElement(using: &random) ?? ""
                let text =
                    Bool.random(using: &random)
                    ? "" : "\(serial) " + String(repeating: padding, count: .random(in: 0...60, using: &random))
                try fixture.append(text)
                unfinished += text
                if Int.random(in: 0..<4, using: &random) > 0 { try finishLine() }
            }
        }

        mutating func finishLine() throws {
            try begin()
            try fixture.append("\n")
            lines.append(unfinished)
            unfinished = ""
            hasLine = true
        }

        mutating func rename() {
            guard hasLine else { return }
            files += 1
            fixture.folder.rename(fixture.name, to: "train.log.\(files)")
            close()
        }

        mutating func copyTruncate() throws {
            guard hasLine else { return }
            files += 1
            var status = stat()
            stat(fixture.path, &status)
            var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
            guard let file = fopen(fixture.path, "r") else { return }
            defer { fclose(file) }
            fread(&bytes, 1, bytes.count, file)
            try fixture.folder.append(bytes, to: "train.log.\(files)")
            fixture.folder.truncate(fixture.name)
            close()
        }

        /// The first line of a file tells it from the others: after a few bytes all the same, no follower could.
        private mutating func close() {
            if !unfinished.isEmpty { lines.append(unfinished) }
            unfinished = ""
            hasLine = false
        }

        private mutating func begin() throws {
            guard !hasLine, unfinished.isEmpty else { return }
            unfinished = "file \(files), begun"
            try fixture.append(unfinished)
        }
    }
}
