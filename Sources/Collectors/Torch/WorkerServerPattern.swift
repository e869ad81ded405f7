/// Where the ranks of this node have their worker servers, as a setting says it: a path of Unix sockets with `{rank}`, `{local_rank}`,
/// `{pid}` and wildcards, or a port of this machine, to which a rank can be added: `127.0.0.1:26000+{local_rank}`.
package struct WorkerServerPattern: Hashable, Sendable, CustomStringConvertible {
    /// What is allowed, to follow "must be".
    package static let rule =
        "a path of Unix sockets from the root on, in which {rank}, {local_rank}, {pid} and * may stand, or a port of this machine such as "
        + "127.0.0.1:26000+{local_rank}"

    private enum Place: Hashable {
        case path(String)
        case port(host: String, first: Int, added: Number?)
    }

    private enum Number: String {
        case rank = "{rank}"
        case localRank = "{local_rank}"
    }

    package let description: String
    private let place: Place

    /// - Returns: `nil` for a text that is not allowed.
    package init?(_ text: String) {
        description = text
        if text.hasPrefix("/") {
            place = .path(text)
            return
        }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        // Others are other machines', whose ranks are not ours to ask.
        guard ["127.0.0.1", "localhost", "::1"].contains(host) else { return nil }
        let parts = text[text.index(after: colon)...].split(separator: "+", omittingEmptySubsequences: false)
        guard let first = parts.first.flatMap({ Int($0) }), (1...65535).contains(first), parts.count <= 2 else {
            return nil
        }
        let added = parts.count == 2 ? Number(rawValue: String(parts[1])) : nil
        guard parts.count == 1 || added != nil else { return nil }
        place = .port(host: host, first: first, added: added)
    }

    /// Whether a socket of a process has this place.
    func matches(path: String, of process: RankProcess) -> Bool {
        guard case .path(var pattern) = place else { return false }
        let numbers = [
            ("{rank}", process.rank), ("{local_rank}", process.localRank), ("{pid}", Int(process.pid)),
        ]
        for (word, number) in numbers where pattern.contains(word) {
            guard let number else { return false }
            pattern = pattern.split(separator: word, omittingEmptySubsequences: false).joined(separator: "\(number)")
        }
        return PathPattern.all(pattern).contains { $0.matches(path) }
    }

    /// The port of a process's server; `nil` if the pattern is a path's, or the process has no such rank.
    func port(of process: RankProcess) -> (host: String, port: Int)? {
        guard case .port(let host, let first, let added) = place else { return nil }
        let number: Int? =
            switch added {
            case nil: 0
            case .rank: process.rank
            case .localRank: process.localRank
            }
        guard let number, (0...65535).contains(number), first + number <= 65535 else { return nil }
        return (host, first + number)
    }
}
