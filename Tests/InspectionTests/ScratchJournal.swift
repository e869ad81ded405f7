import Diagnosis
import Foundation
@testable import Inspection
import Journal
import TestSupport
import ZMQBridge

/// A state directory with a journal, as a publisher would leave it.
final class ScratchJournal {
    static let publisher = "01234567-89ab-cdef-0123-456789abcdef"

    let path: String
    /// Stays open: everything is looked at beside it, unless it is closed.
    private(set) var journal: Journal?

    init(in folder: ScratchFolder, segmentBytes: Int = 16 << 20, totalBytes: Int = 2 << 30) throws {
        path = folder.path + "/" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Data(#"{"publisher":"\#(Self.publisher)","epoch":3}"#.utf8).write(
            to: URL(filePath: path + "/publisher.json"))
        journal = try Journal.open(
            directory: path + "/journal",
            configuration: JournalConfiguration(segmentBytes: segmentBytes, totalBytes: totalBytes))
    }

    func close() {
        journal = nil
    }

    var stored: StoredJournal {
        get throws { try StoredJournal(stateDirectory: path) }
    }

    /// Appends a record of metrics; the contents are the sequences, the collection times 1000 + sequence.
    func append(_ lane: String, epoch: UInt64 = 1, _ sequences: ClosedRange<UInt64>, size: Int = 0) throws {
        let bodies = sequences.map { sequence in
            MetricJSON.encode(
                WorkerTrainingMetric(
                    dataType: DiagnosisDataType(rawValue: lane),
                    dataContent: "\(lane) \(sequence)" + String(repeating: ".", count: size),
                    node: NodeIdentity(id: 4, type: "worker", rank: 7), timestamp: Int64(1000 + sequence)))
        }
        try append(lane, epoch: epoch, sequences, bodies: bodies)
    }

    func append(_ lane: String, epoch: UInt64 = 1, _ sequences: ClosedRange<UInt64>, bodies: [[UInt8]]) throws {
        var payload: [UInt8] = []
        func append(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.bigEndian) { payload.append(contentsOf: $0) }
        }
        append(UInt64(2_000_123_000_000))
        for (index, body) in bodies.enumerated() {
            let topic = index == 0 ? Array("\(lane)/worker/7/".utf8) : []
            append(UInt16(topic.count))
            append(UInt32(body.count))
            append(Int64(1000 + sequences.lowerBound) + Int64(index))
            payload += topic + body
        }
        try self.append(lane, epoch: epoch, sequences, payload: payload)
    }

    func append(_ lane: String, epoch: UInt64 = 1, _ sequences: ClosedRange<UInt64>, payload: [UInt8]) throws {
        try journal?.append([
            JournalRecord(
                lane: lane, epoch: epoch, firstSequence: sequences.lowerBound, count: UInt32(sequences.count),
                earliest: Int64(1000 + sequences.lowerBound), latest: Int64(1000 + sequences.upperBound),
                payload: payload)
        ])
    }

    /// The lane's files, oldest first.
    func files(_ lane: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: URL(filePath: path + "/journal/" + lane), includingPropertiesForKeys: nil
        ).sorted { $0.path < $1.path }
    }

    /// Changes a byte of a file, counted from its end.
    func damage(_ file: URL, beforeEnd offset: Int) throws {
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count - offset] ^= 0x55
        try bytes.write(to: file)
    }

    /// Cuts bytes off a file.
    func shorten(_ file: URL, by count: Int) throws {
        try Data(contentsOf: file).dropLast(count).write(to: file)
    }
}

extension StoredJournal {
    /// The lines of an export, its remarks, and whether it was whole.
    func exported(
        _ change: (inout ExportSelection) -> Void = { _ in }
    ) throws -> (lines: [String], remarks: [String], isWhole: Bool) {
        var selection = ExportSelection()
        change(&selection)
        var bytes: [UInt8] = []
        var remarks: [String] = []
        let isWhole = try export(selection) {
            bytes += $0
            return true
        } remark: {
            remarks.append($0)
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        return (lines, remarks, isWhole)
    }
}
