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

    /// From the oldest to the newest: by their numbers or dates if all have one of a kind, since the clock may have been set; otherwise by
    /// when they were last changed.
    func inOrder(_ candidates: [Candidate]) -> [Candidate] {
        let names = candidates.map { $0.name.hasSuffix(".gz") ? $0.name.dropLast(3) : $0.name[...] }
        if candidates.allSatisfy({ $0.number != nil }) {
            // logrotate's highest number is the oldest file, Log4j's the newest: all times must say so. Renaming sets the time
            // of change, and logrotate renames all each time, whatever the clock was set to before.
            let numbered = candidates.sorted { ($0.number ?? 0) > ($1.number ?? 0) }
            let steps = zip(numbered, numbered.dropFirst()).flatMap {
                [$1.status.modified - $0.status.modified, $1.status.changed - $0.status.changed]
            }
            return steps.allSatisfy { $0 <= 0 } && steps.contains { $0 < 0 } ? numbered.reversed() : numbered
        }
        if candidates.allSatisfy({ $0.number == nil }), Set(names.map(\.utf8.count)).count == 1 {
            return zip(names, candidates).sorted { $0.0 < $1.0 }.map(\.1)
        }
        // Where several were changed in the same tick of the clock, a higher number is usually older.
        return candidates.sorted {
            ($0.status.modified, -($0.number ?? 0)) < ($1.status.modified, -($1.number ?? 0))
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
