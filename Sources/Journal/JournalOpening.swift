internal import Diagnosis

/// Opens a journal's directory: reads what is there, cuts torn ends off, sets damaged segments aside.
struct JournalOpening {
    let directory: String
    let files: Files
    let isReadOnly: Bool
    private(set) var state = JournalState()
    private(set) var nextNumber: UInt64 = 1
    private(set) var recovery = JournalRecovery()
    /// Files that don't count and could not be renamed.
    private(set) var leftovers: Set<String> = []
    private var corrupt: [(lane: String, path: String, reason: String)] = []

    init(directory: String, files: Files, isReadOnly: Bool) {
        self.directory = directory
        self.files = files
        self.isReadOnly = isReadOnly
    }

    mutating func run() throws(JournalError) {
        if !isReadOnly { try files.makeDirectory(directory) }
        // All headers first: nothing is touched if one is of a newer version.
        var found: [(lane: String, candidates: [SegmentCandidate])] = []
        for lane in try files.names(in: directory).sorted() where LaneName.isValid(lane) {
            let folder = directory + "/" + lane
            let names = try files.namesIfDirectory(folder).sorted()
            nextNumber = max(nextNumber, (names.compactMap { SegmentName.number(of: $0) }.max() ?? 0) + 1)
            var candidates: [SegmentCandidate] = []
            for name in names where SegmentName.isInUse(name) || SegmentName.isCorrupt(name) {
                guard let number = SegmentName.number(of: name),
                    let candidate = try SegmentCandidate(
                        number: number, path: folder + "/" + name, lane: lane, files: files)
                else { continue }
                candidates.append(candidate)
            }
            if !candidates.isEmpty { found.append((lane, candidates)) }
        }
        for (lane, candidates) in found { try readLane(lane, candidates) }
    }

    /// What to do with a segment.
    private enum Verdict {
        case keep(Segment, lost: [Segment.Run])
        /// `successor`: the header of the segment after it, which says what was in it.
        case setAside(reason: String, known: Segment?, successor: SegmentHeader?)
    }

    private mutating func readLane(_ lane: String, _ candidates: [SegmentCandidate]) throws(JournalError) {
        var verdicts: [(candidate: SegmentCandidate, verdict: Verdict)] = []
        var successor: SegmentHeader?
        var laneState = LaneState()
        for candidate in candidates.reversed() {
            if candidate.isSetAside {
                if successor.map({ candidate.number <= $0.previousNumber }) ?? false, let header = candidate.wholeHeader
                {
                    successor = header
                }
                continue
            }
            if let successor, candidate.number > successor.previousNumber {
                dropLeftover(candidate)
                continue
            }
            let isLast = verdicts.isEmpty && successor == nil
            switch candidate.header {
            case .torn where isLast:
                if !removeTorn(candidate) { laneState.isSealed = true }
            case .torn, .bad:
                let known = try readRecords(of: candidate, lane: lane)
                verdicts.append((candidate, .setAside(reason: candidate.damage, known: known, successor: successor)))
            case .whole(let header, let headerLength):
                let limit = successor.flatMap { $0.previousNumber == candidate.number ? $0.previousLength : nil }
                guard
                    let scan = try scan(
                        candidate, header: header, headerLength: headerLength, limit: limit, isLast: isLast,
                        checksPayload: isLast)
                else { continue }
                nextNumber = max(nextNumber, scan.known.lastNumber + 1)
                if case .corrupt(let offset, let reason) = scan.end {
                    state.sources.merge(scan.knownSources)
                    let reason = "at byte \(offset): \(reason)"
                    verdicts.append((candidate, .setAside(reason: reason, known: scan.known, successor: successor)))
                } else {
                    state.sources.merge(scan.sources)
                    if candidate.fileLength > scan.segment.length, !cut(candidate, to: scan.segment.length), isLast {
                        laneState.isSealed = true
                    }
                    verdicts.append((candidate, .keep(scan.segment, lost: scan.tornRuns)))
                }
                successor = header
            }
        }
        state.lanes[lane] = laneState
        settle(verdicts.reversed(), lane: lane)
    }

    /// What can be read of a segment whose header is damaged.
    private mutating func readRecords(of candidate: SegmentCandidate, lane: String) throws(JournalError) -> Segment? {
        let header = SegmentHeader(
            number: candidate.number, previous: nil, last: nil, lane: lane, sources: [:])
        guard
            let scan = try scan(
                candidate, header: header, headerLength: 0, limit: nil, isLast: false, checksPayload: false)
        else { return nil }
        nextNumber = max(nextNumber, scan.known.lastNumber + 1)
        state.sources.merge(scan.knownSources)
        return scan.known
    }

    private func scan(
        _ candidate: SegmentCandidate, header: SegmentHeader, headerLength: Int, limit: UInt64?, isLast: Bool,
        checksPayload: Bool
    ) throws(JournalError) -> SegmentScan? {
        let readAhead = checksPayload ? 256 << 10 : 4096
        guard let file = try SegmentFile.open(candidate.path, files: files, readAhead: readAhead) else { return nil }
        return try SegmentScan(
            file, header: header, headerLength: headerLength, fileLength: candidate.fileLength, limit: limit,
            mayBeTorn: isLast, checksPayload: checksPayload)
    }

    /// Goes through the lane's segments from the oldest on and records what is there and what is lost.
    private mutating func settle(_ verdicts: [(candidate: SegmentCandidate, verdict: Verdict)], lane: String) {
        var laneState = state.lanes[lane] ?? LaneState()
        laneState.evictedThrough = verdicts.first?.candidate.wholeHeader?.last
        for (candidate, verdict) in verdicts {
            if let last = candidate.wholeHeader?.last { laneState.newest = max(laneState.newest ?? last, last) }
            let losses: [JournalLoss]
            switch verdict {
            case .keep(let segment, let lost):
                laneState.segments.append(segment)
                if let last = segment.last { laneState.newest = max(laneState.newest ?? last, last) }
                losses = Self.losses(lost, lane: lane)
            case .setAside(let reason, let known, let successor):
                if let successor, successor.previousNumber == candidate.number {
                    losses = Self.losses(successor.previousRuns, lane: lane)
                } else {
                    let lower = candidate.wholeHeader?.last ?? laneState.newest
                    losses = Self.losses(Self.range(of: known, lower: lower, upper: successor?.last), lane: lane)
                }
                corrupt.append((lane, candidate.path, reason))
            }
            laneState.recordLosses(losses)
            recovery.losses += losses
        }
        state.lanes[lane] = laneState
    }

    private static func losses(_ runs: [Segment.Run], lane: String) -> [JournalLoss] {
        runs.map {
            JournalLoss(
                lane: lane, epoch: $0.epoch, first: $0.first, last: $0.last, count: $0.count, reason: .corrupt)
        }
    }

    /// All that a damaged segment can have held, by what can still be read and by the segments beside it.
    private static func range(of known: Segment?, lower: LanePosition?, upper: LanePosition?) -> [Segment.Run] {
        var runs = known?.runs ?? []
        let beginsWhole = known.map { $0.marks.first?.offset == $0.headerLength } ?? false
        if !beginsWhole, let first = runs.first {
            runs[0].first =
                lower?.epoch == first.epoch ? min(first.first, (lower?.sequence ?? 0) + 1) : 1
        }
        // An epoch that begins within the segment may have begun in the damaged part.
        for index in runs.indices.dropFirst() { runs[index].first = 1 }
        let end = runs.last.map { LanePosition(epoch: $0.epoch, sequence: $0.last) } ?? lower
        if let upper, end.map({ upper > $0 }) ?? true {
            if let last = runs.last, last.epoch == upper.epoch {
                runs[runs.count - 1].last = upper.sequence
            } else {
                let first = end?.epoch == upper.epoch ? (end?.sequence ?? 0) + 1 : 1
                runs.append(Segment.Run(epoch: upper.epoch, first: first, last: upper.sequence, count: 0))
            }
        }
        // Sequences between those that are known count as stored.
        for index in runs.indices { runs[index].count = runs[index].last - runs[index].first + 1 }
        return runs
    }

    /// Renames what `run` found corrupt. A new segment keeps the source positions and takes what is appended.
    mutating func setAsideCorruptSegments(with writer: inout JournalWriter) {
        var rolled: Set<String> = []
        for (lane, path, reason) in corrupt {
            var newPath = path
            if !isReadOnly {
                do {
                    if rolled.insert(lane).inserted { try roll(lane, with: &writer) }
                    try files.rename(path, to: path + SegmentName.corruptSuffix)
                    newPath = path + SegmentName.corruptSuffix
                } catch {
                    // Then it is found again at the next opening.
                    state.lanes[lane]?.isSealed = true
                }
            }
            recovery.setAside.append(.init(path: path, newPath: newPath, reason: reason))
        }
    }

    private mutating func roll(_ lane: String, with writer: inout JournalWriter) throws(JournalError) {
        let change = try writer.makeSegment(of: lane, directory: directory, state: state, files: files)
        do {
            try writer.write(to: change.file, at: 0, files: files)
            try files.synchronize(change.file.descriptor, path: change.file.path)
        } catch {
            _ = writer.discard(change, files: files)
            throw error
        }
        state.commit(change)
    }

    private mutating func cut(_ candidate: SegmentCandidate, to length: UInt64) -> Bool {
        recovery.cuts.append(.init(path: candidate.path, offset: length, bytes: candidate.fileLength - length))
        guard !isReadOnly else { return false }
        do {
            try files.truncate(candidate.path, to: length)
            return true
        } catch {
            return false
        }
    }

    /// Removes a segment whose header was not finished; nothing is in it.
    private mutating func removeTorn(_ candidate: SegmentCandidate) -> Bool {
        recovery.cuts.append(.init(path: candidate.path, offset: 0, bytes: candidate.fileLength))
        guard !isReadOnly else { return false }
        do {
            try files.remove(candidate.path)
            return true
        } catch {
            return false
        }
    }

    /// Renames a segment whose write failed and that could not be removed then. Nothing in it was ever acknowledged.
    private mutating func dropLeftover(_ candidate: SegmentCandidate) {
        let newPath = candidate.path + SegmentName.leftoverSuffix
        recovery.setAside.append(
            .init(path: candidate.path, newPath: newPath, reason: "left over from a write that failed"))
        guard !isReadOnly else { return }
        do {
            try files.rename(candidate.path, to: newPath)
        } catch {
            leftovers.insert(candidate.path)
        }
    }
}
