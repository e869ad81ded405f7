internal import Glibc
internal import SystemSupport

/// The files beside a log that rotation may have made of it.
struct RotatedFiles {
    struct Candidate {
        let path: String
        let name: String
        let status: FileStatus
        /// The number at the name's end, as in `train.log.2`: the higher, the older.
        let number: Int?
    }

    /// Where to look, and what the log is called there: beside the path, beside what a link at the path leads to, and where it led to.
    private let places: [(directory: String, name: String)]

    /// - Parameter resolved: where the file that is looked for was, without links; empty if unknown.
    init(path: String, resolved: String) {
        var places: [(String, String)] = []
        for candidate in [path, Self.resolve(path), resolved] where !candidate.isEmpty {
            let place = (Directory.parent(of: candidate), String(candidate[Self.nameStart(candidate)...]))
            if !places.contains(where: { $0 == place }) { places.append(place) }
        }
        self.places = places
    }

    /// All regular files in the places, whatever they are called, but the logs themselves.
    func all() -> [Candidate] {
        var seen: Set<FileIdentity> = []
        var candidates: [Candidate] = []
        for (directory, name) in places {
            for entry in (try? Directory(path: directory).names()) ?? [] where entry != name {
                let path = "\(directory)/\(entry)"
                guard let status = try? FileStatus(path: path), status.isRegular, seen.insert(status.identity).inserted
                else { continue }
                candidates.append(
                    Candidate(path: path, name: entry, status: status, number: Self.number(entry, of: name)))
            }
        }
        return candidates
    }

    /// Whether the candidate's name is that of a rotated file of the log, or of a copy of it: it begins with the log's name.
    func isNamedLikeLog(_ candidate: Candidate) -> Bool {
        places.contains { candidate.name.hasPrefix($0.name) }
    }

    /// Whether its name says that it is a rotated file: the log's name, then a number or a date, perhaps a compression's ending.
    func isRotated(_ candidate: Candidate) -> Bool {
        places.contains { place in
            guard candidate.name.hasPrefix(place.name) else { return false }
            var suffix = candidate.name.dropFirst(place.name.count)
            if suffix.hasSuffix(".gz") { suffix = suffix.dropLast(3) }
            guard let first = suffix.first, "._-".contains(first) else { return false }
            return suffix.dropFirst().allSatisfy { $0.isASCII && ($0.isNumber || "._-T:".contains($0)) }
                && suffix.contains { $0.isNumber }
        }
    }

    /// The path without symbolic links; empty if it can't be resolved.
    static func resolve(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return "" }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func nameStart(_ path: String) -> String.Index {
        path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    }

    private static func number(_ entry: String, of name: String) -> Int? {
        guard entry.hasPrefix(name + ".") else { return nil }
        var suffix = entry.dropFirst(name.count + 1)
        if suffix.hasSuffix(".gz") { suffix = suffix.dropLast(3) }
        return suffix.count <= 6 ? Int(suffix) : nil
    }
}
