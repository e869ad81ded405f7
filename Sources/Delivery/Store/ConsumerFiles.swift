/// The files of one named consumer in a directory.
struct ConsumerFiles: Hashable, Sendable {
    private static let longestSlug = 60
    static let databaseSuffix = ".db"

    let directory: String
    /// What all the names begin with.
    let stem: String

    /// Names the files after the consumer: readable, and different for every name.
    init(directory: String, consumer: String) {
        self.directory = directory
        let slug = consumer.unicodeScalars.prefix(Self.longestSlug).map { Self.isPlain($0) ? Character($0) : "_" }
        let hash = String(Self.hash(of: consumer), radix: 16)
        stem = String(slug) + "-" + String(repeating: "0", count: 8 - hash.utf8.count) + hash
    }

    /// The files of a database that is there; `nil` for another file's name.
    init?(directory: String, databaseName: String) {
        guard databaseName.hasSuffix(Self.databaseSuffix) else { return nil }
        self.directory = directory
        stem = String(databaseName.dropLast(Self.databaseSuffix.count))
    }

    var database: String { path(Self.databaseSuffix) }
    var lock: String { path(".lock") }
    var deadLetters: String { path(".dead.ndjson") }

    private func path(_ suffix: String) -> String { "\(directory)/\(stem)\(suffix)" }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "A"..."Z", "a"..."z", "0"..."9", ".", "-": true
        default: false
        }
    }

    /// FNV-1a, 32 bits (RFC 9923).
    private static func hash(of text: String) -> UInt32 {
        text.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }
}
