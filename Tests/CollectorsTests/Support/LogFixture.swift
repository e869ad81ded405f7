import Collectors
import Diagnosis
import TestSupport

/// A log in a scratch folder, a client that takes its lines, and collectors for both.
struct LogFixture {
    let folder = ScratchFolder()
    let client = RecordingClient()
    let log = LogCapture()
    let node = NodeIdentity(id: 7, type: "worker", rank: 3)
    let name = "train.log"

    var path: String { folder.file(name) }

    /// A collector that reports to the client.
    func collector(_ configuration: LogCollector.Configuration = .patient) async -> LogCollector {
        let collector = LogCollector(path: path, node: node, configuration: configuration, logger: log.logger)
        await collector.setClient(client)
        return collector
    }

    func append(_ text: String) throws {
        try folder.append(text, to: name)
    }

    /// What the client has, line by line.
    var lines: [String] {
        client.contents.flatMap { content in
            content.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
        }
    }
}

extension LogCollector.Configuration {
    /// A line waits for its end for ever: on a busy machine a test may be stopped for longer than the usual time.
    static var patient: Self {
        var configuration = Self()
        configuration.quietTime = nil
        return configuration
    }
}

extension LogCollector {
    /// Collects and reports until there is nothing.
    func drain() async {
        while let chunk = await collectData() {
            guard await storeData(chunk) else { return }
        }
    }
}
