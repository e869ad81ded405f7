package import Diagnosis
private import Glibc
internal import Journal
internal import SystemSupport

/// What is in a journal: its lanes and their files.
package struct JournalListing: Hashable, Sendable, Codable {
    package struct Lane: Hashable, Sendable, Codable {
        package var dataType: DiagnosisDataType
        /// The oldest and the newest that can be read.
        package var first: LanePosition?
        package var last: LanePosition?
        /// How many envelopes can be read.
        package var count: UInt64
        package var records: Int
        package var bytes: Int
        /// Collection times, seconds since 1970.
        package var oldestTime: Int64?
        package var newestTime: Int64?
        package var files: [JournalFile]

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case first, last, count, records, bytes
            case oldestTime = "oldest_time"
            case newestTime = "newest_time"
            case files
        }
    }

    /// The journal's.
    package var directory: String
    package var publisher: String?
    package var bytes: Int
    package var lanes: [Lane]
}

extension StoredJournal {
    package func listing() -> JournalListing {
        JournalListing(
            directory: journal.directory, publisher: publisher.map { "\($0)" }, bytes: journal.bytes,
            lanes: journal.lanes.map { lane in
                JournalListing.Lane(
                    dataType: DiagnosisDataType(rawValue: lane.name), first: lane.first,
                    last: lane.last, count: lane.count, records: lane.records,
                    bytes: lane.bytes, oldestTime: lane.times?.lowerBound, newestTime: lane.times?.upperBound,
                    files: JournalFile.all(in: journal.directory + "/" + lane.name))
            })
    }
}

extension JournalListing {
    /// The listing for a terminal.
    ///
    /// - Parameter showsFiles: each file too.
    package func lines(showsFiles: Bool) -> [String] {
        var lines = ["\(HumanText.line(directory)): \(HumanText.bytes(bytes))", ""]
        lines += lanes.isEmpty ? ["Nothing is in it."] : laneTable
        if showsFiles, !lanes.isEmpty { lines += [""] + fileTable }
        let setAside = lanes.flatMap(\.files).filter { $0.kind != .segment }
        if !setAside.isEmpty, !showsFiles {
            let bytes = setAside.reduce(0) { $0 + $1.bytes }
            lines += ["", "Set aside: \(HumanText.count(UInt64(setAside.count), "file")), \(HumanText.bytes(bytes))"]
        }
        return lines
    }

    private var laneTable: [String] {
        var table = TextTable([
            .text("LANE"), .number("FIRST"), .number("LAST"), .number("COUNT"), .number("RECORDS"), .number("FILES"),
            .number("BYTES"), .text("OLDEST"), .text("NEWEST"),
        ])
        for lane in lanes {
            table.add([
                lane.dataType.rawValue, lane.first.map { "\($0)" } ?? "-", lane.last.map { "\($0)" } ?? "-",
                "\(lane.count)", "\(lane.records)", "\(lane.files.filter { $0.kind == .segment }.count)",
                HumanText.bytes(lane.bytes), lane.oldestTime.map(TimeText.write) ?? "-",
                lane.newestTime.map(TimeText.write) ?? "-",
            ])
        }
        return table.lines
    }

    private var fileTable: [String] {
        var table = TextTable([.text("FILE"), .text("KIND"), .number("BYTES"), .text("WRITTEN")])
        for lane in lanes {
            for file in lane.files {
                table.add([
                    "\(lane.dataType.rawValue)/\(file.name)", file.kind.rawValue, HumanText.bytes(file.bytes),
                    TimeText.write(file.modified),
                ])
            }
        }
        return table.lines
    }
}

/// A file in a lane's directory.
package struct JournalFile: Hashable, Sendable, Codable {
    /// What it is there for, by its name's ending.
    package enum Kind: String, Sendable, Codable {
        case segment
        /// Set aside because it was damaged.
        case corrupt
        /// Set aside because its write failed; nothing in it counts.
        case leftover
    }

    package var name: String
    package var kind: Kind
    package var bytes: Int
    /// When it was last written to, seconds since 1970.
    package var modified: Int64

    /// The segments of a lane in the order of their numbers, those set aside too; what vanishes meanwhile is left out.
    static func all(in directory: String) -> [JournalFile] {
        let names = (try? Directory(path: directory).names()) ?? []
        return names.compactMap { name in
            var status = stat()
            guard let kind = kind(of: name), lstat(directory + "/" + name, &status) == 0 else { return nil }
            return JournalFile(
                name: name, kind: kind, bytes: Int(status.st_size), modified: Int64(status.st_mtim.tv_sec))
        }
    }

    private static func kind(of name: String) -> Kind? {
        if name.hasSuffix(".seg") { return .segment }
        if name.hasSuffix(".seg.corrupt") { return .corrupt }
        return name.hasSuffix(".seg.leftover") ? .leftover : nil
    }
}
