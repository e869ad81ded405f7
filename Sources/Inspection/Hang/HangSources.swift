private import Glibc
package import Hang
internal import SystemPackage
internal import SystemSupport

/// Reads what `arobust hang` is given: state directories, bundles, folders and files. What can't be read becomes a note, and the rest counts.
package struct HangSources {
    private static let largestFile = 256 << 20
    private static let mostFiles = 200_000
    private static let deepest = 4

    private var reader = EvidenceReader()
    /// Of a rank with several recordings, say of two attempts, only the newest counts.
    private var recordings: [Int: (time: Int64, summary: CollectiveSummary)] = [:]
    private var repeated = RankSet()
    /// How many files, bundles and incidents were read.
    package private(set) var count = 0
    private var files = 0

    package init() {}

    package var evidence: HangEvidence {
        var reader = reader
        var recorded = HangEvidence()
        for (_, recording) in recordings { recorded.collectives.merge(recording.summary) }
        if !repeated.isEmpty { reader.note("\(repeated.title): of several recordings the newest counts") }
        reader.add(recorded)
        return reader.evidence
    }

    /// Adds a path, whatever it is.
    ///
    /// - Parameter incident: which incident of a state directory; `nil`: the newest.
    /// - Throws: `InspectionError` if there is nothing at that path, or a state directory has no such incident.
    package mutating func add(_ path: String, incident: String? = nil) throws {
        try checkIsThere(path)
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return add(file: path) }
        if access(path + "/" + IncidentBundle.index, F_OK) == 0 {
            addBundle(path)
        } else if access(path + "/journal", F_OK) == 0 || access(path + "/publisher.json", F_OK) == 0 {
            try addJournal(of: path, incident: incident)
        } else {
            addFolder(path, depth: 0)
        }
    }

    /// - Throws: `InspectionError` if there is nothing at that path.
    package func checkIsThere(_ path: String) throws {
        guard access(path, F_OK) != 0 else { return }
        throw InspectionError(.notThere, "\(SystemCallError("open", path: path))")
    }

    /// Adds stacks of a rank that is known otherwise than from the name.
    package mutating func add(file path: String, rank: Int? = nil) {
        guard let bytes = bytes(path) else { return }
        if TarArchive.isOne(bytes) {
            let files = Dictionary(
                TarArchive.files(in: bytes).map { ($0.name, $0.content) }, uniquingKeysWith: { first, _ in first })
            return addBundle(index: files[IncidentBundle.index] ?? [], path: path) { files[$0] }
        }
        let rank = rank ?? EvidenceFile.rank(inName: path)
        do throws(FlightRecorderError) {
            switch try EvidenceFile.content(of: bytes, rank: rank) {
            case .recording(let dump): add(dump, rank: rank, path: path)
            case .stacks(let stacks): reader.add(stacks)
            case .evidence(let evidence): reader.add(evidence)
            }
            count += 1
        } catch {
            reader.note("\(path): \(error)")
            if bytes.first == 0x80 || bytes.first == UInt8(ascii: "{"), let rank { reader.unread(rank) }
        }
    }

    private mutating func add(_ dump: FlightRecorderDump, rank: Int?, path: String) {
        guard let rank else {
            return reader.note("\(path): whose recording it is is unknown: its name does not end in a rank")
        }
        let time = dump.newest
        if let other = recordings[rank] {
            repeated.insert(rank)
            guard other.time < time else { return }
        }
        recordings[rank] = (time, CollectiveSummary(dump, rank: rank))
    }

    private mutating func addFolder(_ path: String, depth: Int) {
        do throws(SystemCallError) {
            for name in try Directory(path: path).names() where !name.hasPrefix(".") {
                let inside = path + "/" + name
                var status = stat()
                guard stat(inside, &status) == 0 else {
                    reader.note("\(SystemCallError("open", path: inside))")
                    continue
                }
                if status.st_mode & S_IFMT == S_IFDIR {
                    guard depth < Self.deepest else {
                        reader.note("\(inside): it is a folder too deep to be looked into")
                        continue
                    }
                    if access(inside + "/" + IncidentBundle.index, F_OK) == 0 {
                        addBundle(inside)
                    } else {
                        addFolder(inside, depth: depth + 1)
                    }
                    continue
                }
                files += 1
                guard files <= Self.mostFiles else {
                    return reader.note("\(path): more than \(Self.mostFiles) files; the rest is left out")
                }
                add(file: inside)
            }
        } catch {
            reader.note("\(error)")
        }
    }

    private mutating func addBundle(_ path: String) {
        guard let index = bytes(path + "/" + IncidentBundle.index) else { return }
        addBundle(index: index, path: path) { try? Self.read(path + "/" + $0) }
    }

    private mutating func addBundle(index: [UInt8], path: String, content: (String) -> [UInt8]?) {
        guard let incident = IncidentBundle.incident(index: index, content: content) else {
            return reader.note("\(path): its \(IncidentBundle.index) can't be read")
        }
        add(incident)
    }

    private mutating func add(_ incident: Incident) {
        reader.add(incident.evidence)
        count += 1
        if incident.end == nil { reader.note("incident \(incident.id) has no end: it is under way, or was cut short") }
    }

    private mutating func addJournal(of directory: String, incident id: String?) throws {
        let journal = try StoredJournal(stateDirectory: directory)
        if id == nil, try journal.incidents().isEmpty {
            count += 1
            return reader.note(
                "\(directory): no incident is in the journal; arobust dump has a running agent record one")
        }
        add(try journal.incident(id).incident)
    }

    private mutating func bytes(_ path: String) -> [UInt8]? {
        do throws(SystemCallError) {
            return try Self.read(path)
        } catch {
            reader.note("\(error)")
            return nil
        }
    }

    /// A regular file, whole.
    private static func read(_ path: String) throws(SystemCallError) -> [UInt8] {
        var status = stat()
        guard stat(path, &status) == 0 else { throw SystemCallError("open", path: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemCallError("read", path: path, refusal: "it is not a regular file")
        }
        guard Int(status.st_size) <= largestFile else {
            throw SystemCallError("read", path: path, refusal: "it is larger than \(HumanText.bytes(largestFile))")
        }
        return try WholeFile(path: path).read(limit: largestFile)
    }
}
