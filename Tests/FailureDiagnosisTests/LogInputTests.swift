import SystemSupport
import TestSupport
import Testing

@testable import FailureDiagnosis

@Suite struct LogInputTests {
    private func input(
        _ bytes: [UInt8], isPipe: Bool = false, kept: Int = 1 << 20, deadline: ContinuousClock.Instant? = nil,
        piece: Int = .max
    ) throws -> LogInput {
        var rest = bytes[...]
        return try LogInput(name: "a b.log", isPipe: isPipe, kept: kept, deadline: deadline) {
            block throws(SystemCallError) in
            let part = rest.prefix(min(piece, block.count))
            block.copyBytes(from: part)
            rest = rest.dropFirst(part.count)
            return part.count
        }
    }

    private func text(_ input: LogInput) -> String {
        let tail = input.tail
        return String(decoding: tail.piece(from: tail.start, count: tail.size - tail.start) ?? [], as: UTF8.self)
    }

    private static func utf16(_ text: String, bigEndian: Bool, mark: Bool = true) -> [UInt8] {
        ((mark ? [0xFEFF] : []) + Array(text.utf16))
            .flatMap { bigEndian ? [UInt8($0 >> 8), UInt8($0 & 0xFF)] : [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    }

    @Test(arguments: [true, false]) func utf16IsRead(bigEndian: Bool) throws {
        let line = "ValueError: größer als 梯度 🔥\r\n"
        for piece in [1, 3, .max] {
            #expect(text(try input(Self.utf16(line, bigEndian: bigEndian), piece: piece)) == line)
            let plain = "step 1 loss 0.5\nValueError: x\n"
            #expect(text(try input(Self.utf16(plain, bigEndian: bigEndian, mark: false), piece: piece)) == plain)
        }
        // Half a pair in the middle, and at the end half a pair and half a unit.
        var torn = Self.utf16("a", bigEndian: bigEndian)
        for unit in [0xD83D, 0x62, 0xDC00, 0xD83D] as [UInt16] {
            let (high, low) = (UInt8(unit >> 8), UInt8(unit & 0xFF))
            torn += bigEndian ? [high, low] : [low, high]
        }
        #expect(text(try input(torn + [0x41])) == "a\u{FFFD}b\u{FFFD}\u{FFFD}")
    }

    @Test func textStaysAsItIs() throws {
        for text in [
            "", "x", "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}x",
            "BZh is a text", "PK",
        ] {
            #expect(self.text(try input(Array(text.utf8))) == text)
        }
        #expect(try input([]).notes == ["a b.log: it is empty"])
    }

    static let formats: [([UInt8], String)] = [
        ([0x28, 0xB5, 0x2F, 0xFD, 0, 0], "compressed with zstd; try: zstd -dc 'a b.log' | arobust diagnose --log -"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "compressed with xz; try: xz -dc"),
        (Array("BZh9".utf8) + [0x31, 0x41, 0x59, 0x26, 0x53, 0x59], "compressed with bzip2; try: bzip2 -dc"),
        (Array("PK\u{3}\u{4}".utf8), "a zip archive; try: unzip -p"),
        ([0x04, 0x22, 0x4D, 0x18], "compressed with lz4"),
        ([0xFF, 0xFE, 0, 0, 0x41, 0, 0, 0], "UTF-32; try: iconv -f UTF-32"),
        ([UInt8](repeating: 0x61, count: 257) + Array("ustar\u{0}00".utf8), "a tar archive; try: tar -xOf"),
        (Array("LPKSHHRH".utf8), "systemd's journal; try: journalctl --file"),
    ]

    @Test(arguments: formats) func otherFormatsAreNamed(bytes: [UInt8], words: String) {
        let file = #expect(throws: LogInputError.self) { try input(bytes) }
        #expect(
            file?.description.hasPrefix("cannot read a b.log: it is \(words)") == true, "\(file?.description ?? "-")")
        let pipe = #expect(throws: LogInputError.self) { try input(bytes, isPipe: true) }
        #expect(pipe?.description.contains("; try: … | ") == true)
        #expect(pipe?.description.contains("a b.log'") == false)
    }

    @Test func theEndIsKeptAndTheRestIsCounted() throws {
        let lines = (0..<200_000).map { "line \($0)\n" }.joined()
        let long = try input(Array(lines.utf8), kept: 300_000)
        #expect(long.tail.size == lines.utf8.count)
        #expect((300_000..<900_000).contains(long.tail.size - long.tail.start))
        #expect(lines.hasSuffix(text(long)))
        #expect(long.notes.count == 1)
        let reader = BackwardLogReader(long)
        #expect(reader.lineNumber(at: reader.size, deadline: .now + .seconds(60)) == 200_001)
        var whole: [UInt8] = []
        while let block = reader.next() { whole = block.bytes + whole }
        #expect(lines.utf8.count - whole.count == long.tail.start)
        #expect(long.tail.piece(from: long.tail.start - 1, count: 10) == nil)
    }

    @Test func theDeadlineEndsTheReading() throws {
        let late = try input(Array("ValueError: x\n".utf8), deadline: .now)
        #expect(late.notes.first == "a b.log: the time ran out after 0 bytes of its text; --budget gives it more")
    }

    /// A chunk's border, again and again.
    @Test func aLongTailLosesNothing() {
        var tail = LogTail(limit: 1 << 20)
        let block = [UInt8](repeating: 0x78, count: 100_003)
        for _ in 0..<500 { block.withUnsafeBytes { tail.append($0) } }
        #expect(tail.size == 500 * block.count)
        #expect(tail.piece(from: tail.start, count: tail.size - tail.start)?.allSatisfy { $0 == 0x78 } == true)
        #expect(tail.size - tail.start <= (1 << 20) + (512 << 10))
    }
}
