public import Diagnosis
private import Foundation
internal import Journal

/// The journal of a state directory, opened to be looked at: beside a running publisher or alone, without changing a byte.
///
/// It shows what was there when it was opened; a running publisher may delete from that meanwhile.
public struct StoredJournal: Sendable {
    /// The state directory.
    public let stateDirectory: String
    /// Whose it is; `nil` if there is no `publisher.json`.
    public let publisher: PublisherID?
    let journal: Journal

    private struct Identity: Decodable {
        var publisher: String
    }

    /// - Throws: `InspectionError` if there is no journal, or a bad `publisher.json`; `JournalError` if it can't be read.
    public init(stateDirectory: String) throws {
        self.stateDirectory = stateDirectory
        let directory = stateDirectory + "/journal"
        var isDirectory = ObjCBool(false)
        guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory.boolValue else {
            throw InspectionError(
                .notThere, "there is no journal in \(stateDirectory): no publisher has kept one there")
        }
        publisher = try Self.publisher(in: stateDirectory)
        journal = try Journal.open(directory: directory, configuration: JournalConfiguration(isReadOnly: true))
    }

    private static func publisher(in stateDirectory: String) throws -> PublisherID? {
        let path = stateDirectory + "/publisher.json"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            let identity = try JSONDecoder().decode(Identity.self, from: try Data(contentsOf: URL(filePath: path)))
            if let id = PublisherID(identity.publisher) { return id }
        } catch {
            throw InspectionError(.unreadable, "\(path) can't be read: \(error)")
        }
        throw InspectionError(.unreadable, "\(path) has no publisher id")
    }

    /// The lanes to look at: all, or those of the types.
    ///
    /// - Throws: `InspectionError` if the journal has nothing of one.
    func lanes(of dataTypes: Set<DiagnosisDataType>) throws -> [JournalLane] {
        let all = journal.lanes
        for dataType in dataTypes.sorted(by: { $0.rawValue < $1.rawValue })
        where !all.contains(where: { $0.name == dataType.rawValue }) {
            let names = all.map(\.name).joined(separator: ", ")
            throw InspectionError(
                .notThere,
                "the journal has nothing of \(HumanText.line(dataType.rawValue)); it has \(names.isEmpty ? "nothing" : names)"
            )
        }
        return dataTypes.isEmpty ? all : all.filter { dataTypes.contains(DiagnosisDataType(rawValue: $0.name)) }
    }

    /// The files that opening found damaged, so that nothing of them can be read.
    func damagedFiles(of lane: JournalLane? = nil) -> [JournalRecovery.SetAside] {
        let directory = journal.directory + "/" + (lane.map { $0.name + "/" } ?? "")
        // A journal that only reads would give a new name to what doesn't count, and none to what is damaged.
        return journal.recovery.setAside.filter { $0.newPath == $0.path && $0.path.hasPrefix(directory) }
    }
}

extension LanePosition {
    init(_ point: LanePoint) {
        self.init(epoch: point.epoch, sequence: point.sequence)
    }

    var point: LanePoint { LanePoint(epoch: epoch, sequence: sequence) }
}
