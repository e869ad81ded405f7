private import Synchronization

extension Journal {
    /// Reads every byte that counts and compares it with its checksum and with what is in memory. Changes nothing.
    package func verify() throws(JournalError) -> [JournalProblem] {
        var problems: [JournalProblem] = []
        let lanes = state.withLock { state in
            state.lanes.map { (name: $0.key, segments: $0.value.segments) }.sorted { $0.name < $1.name }
        }
        for lane in lanes {
            for segment in lane.segments { problems += try verify(segment, lane: lane.name) }
        }
        return problems
    }

    /// Whether an end that opening cut off is damage, rather than a record whose write a crash interrupted or that is under way.
    ///
    /// Opening need not know: it cuts both off. Call it on a read-only journal, which leaves the file as it was.
    package func isDamaged(_ cut: JournalRecovery.Cut) throws(JournalError) -> Bool {
        // A file that was only being begun, or is gone by now.
        guard cut.offset > 0,
            let file = try SegmentFile.open(cut.path, files: files, readAhead: RecordHeader.fixedLength)
        else { return false }
        return try file.withBytes(
            at: cut.offset, count: RecordHeader.fixedLength, limit: cut.offset + cut.bytes
        ) { !RecordHeader.isUnfinished($0, length: cut.bytes) }
    }

    private func verify(_ segment: Segment, lane: String) throws(JournalError) -> [JournalProblem] {
        let candidate = try SegmentCandidate(number: segment.number, path: segment.path, lane: lane, files: files)
        guard let candidate, let file = try SegmentFile.open(segment.path, files: files, readAhead: 256 << 10) else {
            // Evicted meanwhile, or removed by someone else.
            guard isPresent(segment, lane: lane) else { return [] }
            return [JournalProblem(path: segment.path, offset: 0, reason: "the file is gone")]
        }
        guard case .whole(let header, let headerLength) = candidate.header else {
            return [JournalProblem(path: segment.path, offset: 0, reason: "the segment's header is damaged")]
        }
        let scan = try SegmentScan(
            file, header: header, headerLength: headerLength, fileLength: candidate.fileLength, limit: segment.length,
            mayBeTorn: false, checksPayload: true)
        if scan.problems.isEmpty, scan.segment.runs != segment.runs {
            return [
                JournalProblem(path: segment.path, offset: 0, reason: "the records are not those that were written")
            ]
        }
        return scan.problems
    }
}

/// A place in a segment whose bytes are not what was written.
package struct JournalProblem: Hashable, Sendable, CustomStringConvertible {
    package var path: String
    package var offset: UInt64
    package var reason: String

    package var description: String { "\(path) at byte \(offset): \(reason)" }
}

/// What opening a journal found and did.
package struct JournalRecovery: Hashable, Sendable {
    /// The end of a segment that was cut off: a write that a crash interrupted.
    package struct Cut: Hashable, Sendable {
        package var path: String
        /// Where the file ends now; 0 if nothing is left of it.
        package var offset: UInt64
        package var bytes: UInt64
    }

    /// A segment that was renamed.
    package struct SetAside: Hashable, Sendable {
        package var path: String
        package var newPath: String
        /// What is wrong with it, and at which byte.
        package var reason: String
    }

    package var cuts: [Cut] = []
    package var setAside: [SetAside] = []
    /// What the lanes lost because of damage.
    package var losses: [JournalLoss] = []

    package var isClean: Bool { cuts.isEmpty && setAside.isEmpty && losses.isEmpty }
}
