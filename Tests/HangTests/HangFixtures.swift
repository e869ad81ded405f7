import Foundation
@testable import Hang

/// Real dumps and stacks of torch 2.15 (`/work`-independent copies; how they were made: `Fixtures/README.md`).
enum HangFixtures {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appending(path: name)))
    }

    /// The dump of a rank: `late`, `mismatch` with three ranks, `subgroup` with four.
    static func dump(_ name: String, _ rank: Int) throws -> FlightRecorderDump {
        try FlightRecorderReader.dump(of: bytes("flight-recorder/\(name)/rank_\(rank)"))
    }

    static func summary(_ name: String, ranks: some Sequence<Int>) throws -> CollectiveSummary {
        try ranks.reduce(into: CollectiveSummary()) { $0.merge(CollectiveSummary(try dump(name, $1), rank: $1)) }
    }
}

/// Makes recordings as they come from PyTorch.
struct Recording {
    var dump = FlightRecorderDump()
    private var time: Int64 = 1_800_000_000_000_000_000

    init() {}

    mutating func config(_ name: String, _ description: String, _ ranks: [Int]) {
        dump.groups.append(.init(name: name, description: description, ranks: ranks))
    }

    mutating func collective(
        _ sequence: Int, _ operation: String = "all_reduce", group: (Int, String, String) = (0, "0", "default_pg"),
        sizes: String = "[[8]]", isDone: Bool = true
    ) {
        add(operation, group, sequence: sequence, sizes: sizes, isDone: isDone, isTransfer: false)
    }

    mutating func transfer(
        _ operation: String, _ sequence: Int, group: (Int, String, String) = (0, "0", "default_pg"),
        isDone: Bool = false
    ) {
        add(operation, group, sequence: sequence, sizes: "[[8]]", isDone: isDone, isTransfer: true)
    }

    private mutating func add(
        _ operation: String, _ group: (Int, String, String), sequence: Int, sizes: String, isDone: Bool,
        isTransfer: Bool
    ) {
        time += 1_000_000
        dump.entries.append(
            FlightRecorderEntry(
                groupNumber: group.0, groupName: group.1, groupDescription: group.2,
                collectiveSequence: isTransfer ? 0 : sequence, pointToPointSequence: isTransfer ? sequence : 0,
                operation: operation, created: time, inputSizes: sizes, outputSizes: sizes, dataTypes: "[Float]",
                state: isDone ? "completed" : "scheduled", isRetired: isDone, isPointToPoint: isTransfer,
                callSite: "train.py:\(sequence)"))
    }
}

extension CollectiveSummary {
    /// Of the ranks 0, 1, … in order.
    init(_ recordings: [Recording]) {
        self.init()
        for (rank, recording) in recordings.enumerated() { merge(CollectiveSummary(recording.dump, rank: rank)) }
    }
}
