internal import Glibc
private import Synchronization

extension Journal {
    func append(_ records: [JournalRecord], with writer: inout JournalWriter) throws(JournalError) {
        if configuration.isReadOnly { throw JournalError(.readOnly, path: directory, "was opened for reading only") }
        var groups: [Group] = []
        for (index, record) in records.enumerated() {
            if let group = groups.firstIndex(where: { $0.lane == record.lane }) {
                groups[group].records.append(record)
                groups[group].indices.append(index)
            } else {
                groups.append(Group(lane: record.lane, records: [record], indices: [index]))
            }
        }
        for index in groups.indices { groups[index].bytes = try check(groups[index].records, lane: groups[index].lane) }
        try makeRoom(for: groups.map { ($0.lane, $0.bytes) }, with: &writer)

        var changes: [LaneChange] = []
        changes.reserveCapacity(groups.count)
        do {
            for group in groups { changes.append(try prepare(group, with: &writer)) }
            // Numbered in the order of the call across all lanes, so that the last record of a source has the highest number.
            let number = writer.takeNumbers(records.count)
            for (index, group) in groups.enumerated() {
                try write(group, firstNumber: number, change: &changes[index], with: &writer)
            }
            if configuration.durability == .powerLoss { try synchronize(changes, with: &writer) }
        } catch {
            for change in changes.reversed() { undo(change, with: &writer) }
            throw error
        }
        commit(changes)
        if writer.buffer.capacity > 1 << 20 { writer.buffer = [] }
    }

    /// Checks the records of one lane and answers how many bytes they will take.
    private func check(_ records: [JournalRecord], lane: String) throws(JournalError) -> Int {
        func refuse(_ reason: String) -> JournalError { JournalError(.invalid, path: directory, reason) }
        guard LaneName.isValid(lane) else {
            throw refuse("a lane's name is 1 to 64 of [A-Za-z0-9_.-], but not . or ..; '\(lane)' is not")
        }
        let (known, laneCount) = state.withLock { ($0.lanes[lane], $0.lanes.count) }
        guard known != nil || laneCount < configuration.maximumLanes else {
            throw refuse("no room for lane '\(lane)': there are \(laneCount), and may be \(configuration.maximumLanes)")
        }
        var newest = known?.newest
        var bytes = 0
        for record in records {
            guard record.firstSequence > 0, record.count > 0,
                !record.firstSequence.addingReportingOverflow(UInt64(record.count)).overflow
            else { throw refuse("lane '\(lane)': a record needs a sequence from 1 on and a count of at least 1") }
            guard newest.map({ record.first > $0 }) ?? true else {
                throw refuse("lane '\(lane)': \(record.first) does not come after \(newest ?? record.first)")
            }
            guard record.payload.count <= RecordHeader.longestPayload else {
                throw refuse("lane '\(lane)': a payload may have \(RecordHeader.longestPayload) bytes")
            }
            if let source = record.source {
                guard 1...RecordHeader.longestPart ~= source.key.utf8.count,
                    source.bytes.count <= RecordHeader.longestPart
                else { throw refuse("a source's key has 1 and its position 0 to \(RecordHeader.longestPart) bytes") }
            }
            newest = record.last
            bytes += RecordHeader.length(of: record) + record.payload.count
        }
        return bytes
    }

    /// The records of one append that go to one lane, and their places in the call.
    private struct Group {
        var lane: String
        var records: [JournalRecord]
        var indices: [Int]
        /// In the segment, headers included.
        var bytes = 0
    }

    /// Opens the segment that the group goes to, or begins one.
    private func prepare(_ group: Group, with writer: inout JournalWriter) throws(JournalError) -> LaneChange {
        guard let (file, length) = try currentSegment(of: group.lane, bytes: group.bytes, with: &writer) else {
            return try beginSegment(of: group.lane, with: &writer)
        }
        return LaneChange(lane: group.lane, file: file, newSegment: nil, length: length)
    }

    /// Writes the group after the last byte that counts.
    private func write(
        _ group: Group, firstNumber: UInt64, change: inout LaneChange, with writer: inout JournalWriter
    ) throws(JournalError) {
        let now = configuration.now()
        writer.buffer.removeAll(keepingCapacity: true)
        writer.buffer.reserveCapacity(group.bytes)
        for (record, index) in zip(group.records, group.indices) {
            let header = RecordHeader(record, number: firstNumber + UInt64(index), writtenAt: now)
            change.added.append((header, change.length + UInt64(writer.buffer.count)))
            header.encode(payload: record.payload, into: &writer.buffer)
        }
        try writer.write(to: change.file, at: change.length, files: files)
        writer.unsynced.insert(change.file.path)
    }

    /// The lane's last segment, opened, and its length, if it has room for the group and is not too old.
    private func currentSegment(
        of lane: String, bytes: Int, with writer: inout JournalWriter
    ) throws(JournalError) -> (file: JournalWriter.OpenSegment, length: UInt64)? {
        let (last, limits) = state.withLock { state in
            (state.lanes[lane].flatMap { $0.takesRecords ? $0.segments.last : nil }, state.limits)
        }
        guard let last else { return nil }
        if last.records > 0 {
            if last.length + UInt64(bytes) > UInt64(limits.segmentBytes) { return nil }
            if let age = limits.maximumAge,
                configuration.now() - last.firstWritten > max(1, age.components.seconds / 8)
            {
                return nil
            }
        }
        if let file = writer.open[lane], file.number == last.number { return (file, last.length) }
        guard let descriptor = try files.openExisting(last.path, flags: O_WRONLY) else { return nil }
        writer.close(lane, files: files)
        let file = JournalWriter.OpenSegment(number: last.number, path: last.path, descriptor: descriptor)
        writer.open[lane] = file
        return (file, last.length)
    }

    /// Begins a segment after the lane's last. The state does not know it before `commit`.
    private func beginSegment(of lane: String, with writer: inout JournalWriter) throws(JournalError) -> LaneChange {
        let state = self.state.withLock { $0 }
        let change = try writer.makeSegment(of: lane, directory: directory, state: state, files: files)
        do {
            try writer.write(to: change.file, at: 0, files: files)
        } catch {
            discard(change, with: &writer)
            throw error
        }
        writer.unsynced.insert([change.file.path, directory + "/" + lane, directory])
        return change
    }

    private func synchronize(_ changes: [LaneChange], with writer: inout JournalWriter) throws(JournalError) {
        for change in changes {
            do {
                try files.synchronize(change.file.descriptor, path: change.file.path)
            } catch {
                // What a failed sync leaves in memory and on disk is unknown: nothing more is added to that file.
                seal(change.lane)
                throw error
            }
            writer.unsynced.remove(change.file.path)
        }
        for change in changes where change.newSegment != nil {
            let path = directory + "/" + change.lane
            try files.synchronize(path)
            try files.synchronize(directory)
            writer.unsynced.remove(path)
            writer.unsynced.remove(directory)
        }
    }

    private func undo(_ change: LaneChange, with writer: inout JournalWriter) {
        if change.newSegment != nil {
            discard(change, with: &writer)
            return
        }
        do {
            try files.truncate(change.file.descriptor, path: change.file.path, to: change.length)
        } catch {
            seal(change.lane)
        }
    }

    /// Removes a new segment whose append failed.
    ///
    /// If the file can't even be emptied, the header of the next segment must say that it doesn't count, so the lane's last segment may
    /// not grow before that.
    private func discard(_ change: LaneChange, with writer: inout JournalWriter) {
        if !writer.discard(change, files: files) { seal(change.lane) }
    }

    /// Ends a lane's last segment as it is; the next record begins a new one.
    func seal(_ lane: String) {
        state.withLock { $0.lanes[lane]?.isSealed = true }
    }

    func commit(_ changes: [LaneChange]) {
        state.withLock { state in
            for change in changes { state.commit(change) }
        }
    }

    /// Ends the lane's last segment and begins another, empty one.
    func roll(_ lane: String, with writer: inout JournalWriter) throws(JournalError) {
        let change = try beginSegment(of: lane, with: &writer)
        do {
            if configuration.durability == .powerLoss { try synchronize([change], with: &writer) }
        } catch {
            undo(change, with: &writer)
            throw error
        }
        commit([change])
    }
}
