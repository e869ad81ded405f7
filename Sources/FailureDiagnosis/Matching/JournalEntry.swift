private import FoundationEssentials

/// A line of `journalctl -o json`: an object with the program's line in a field.
enum JournalEntry {
    private static let mark = Array("\"__REALTIME_TIMESTAMP\"".utf8)
    /// A longer line is no entry.
    private static let longest = 64 << 10

    private struct Entry: Decodable {
        let message: String

        enum CodingKeys: String, CodingKey { case message = "MESSAGE" }
    }

    /// What the program wrote; `nil` for other lines.
    static func message(of line: [UInt8]) -> [UInt8]? {
        guard line.first == UInt8(ascii: "{"), line.count <= longest,
            line.withUnsafeBytes({ ByteText.find(mark, in: $0, ignoresCase: false) }) != nil,
            let entry = try? JSONDecoder().decode(Entry.self, from: Data(line))
        else { return nil }
        return Array(entry.message.utf8)
    }
}
