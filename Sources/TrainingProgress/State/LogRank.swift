private import SystemSupport

/// What a log's path says of who writes it.
struct LogRank: Hashable, Sendable {
    /// The global rank; `nil` if the path doesn't tell.
    var rank: Int?
    /// How often torchrun had started the training before, from 0.
    var attempt: Int?
    /// The path with which a later attempt's log of the same rank is the same log.
    var name: String

    /// - Parameters:
    ///   - path: `…/attempt_0/3/stdout.log` as `torchrun --log-dir` writes it, or one with `rank_3`, `rank3`, `events_3` in its last two names.
    ///   - nodeRank: makes a rank of the job of torchrun's local one, on the assumption that all nodes have as many ranks as this one.
    ///   - localRanks: how many ranks write under a folder; asked at most once.
    init(path: String, nodeRank: Int, localRanks: (_ folder: String) -> Int = Self.localRanks) {
        name = path
        var names = path.split(separator: "/", omittingEmptySubsequences: false)
        if names.count >= 4, let file = names.last, file == "stdout.log" || file == "stderr.log",
            let local = Int(digits: names[names.count - 2]), names[names.count - 3].hasPrefix("attempt_"),
            let attempt = Int(digits: names[names.count - 3].dropFirst("attempt_".count))
        {
            let folder = names.dropLast(2).joined(separator: "/")
            let (first, overflow) =
                nodeRank == 0 ? (0, false) : nodeRank.multipliedReportingOverflow(by: localRanks(folder))
            rank = overflow || nodeRank < 0 ? nil : first + local
            self.attempt = attempt
            names[names.count - 3] = "attempt_*"
            name = names.joined(separator: "/")
            return
        }
        for name in names.suffix(2).reversed() {
            if let found = Self.number(after: "rank", in: name) ?? Self.number(after: "events_", in: name) {
                rank = found
                return
            }
        }
    }

    private static func number(after word: String, in name: Substring) -> Int? {
        let (bytes, word) = (Array(name.utf8), Array(word.utf8))
        guard bytes.count > word.count else { return nil }
        for start in (0...(bytes.count - word.count)).reversed()
        where bytes[start...].prefix(word.count).elementsEqual(word) && !isInWord(bytes, start) {
            var position = start + word.count
            if position < bytes.count, "_-.=".utf8.contains(bytes[position]) { position += 1 }
            let digits = bytes[position...].prefix { $0 &- 0x30 < 10 }
            if !digits.isEmpty, digits.count <= 7 { return Int(String(decoding: digits, as: UTF8.self)) }
        }
        return nil
    }

    /// Whether letters stand before: `localrank0` and `local_rank_0` are no global rank.
    private static func isInWord(_ bytes: [UInt8], _ start: Int) -> Bool {
        guard start > 0 else { return false }
        if (bytes[start - 1] | 0x20) &- 0x61 < 26 { return true }
        return bytes[..<start].suffix(6).elementsEqual("local_".utf8)
            || bytes[..<start].suffix(5).elementsEqual("node_".utf8)
    }

    private static func localRanks(_ folder: String) -> Int {
        ((try? Directory(path: folder).names()) ?? []).count { Int(digits: $0) != nil }
    }
}
