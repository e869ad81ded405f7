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
        var incoming: [String: Int] = [:]
        for group in groups { incoming[group.lane] = try check(group.records, lane: group.lane) }
        try makeRoom(for: incoming, with: &writer)

        var changes: [LaneChange] = []
        do {
            for group in groups {
                changes.append(try prepare(group, bytes: incoming[group.lane] ?? 0, with: &writer))
            }
            // In the order of the call over all lanes, so that a key's last position in it is the newest.
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

    /// Checks a group of one lane; answers how many bytes it takes.
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
    }

    /// Sees to it that there is an open segment for the group.
    private func prepare(
        _ group: Group, bytes: Int, with writer: inout JournalWriter
    ) throws(JournalError) -> LaneChange {
        guard let file = try currentSegment(of: group.lane, bytes: bytes, with: &writer) else {
            return try beginSegment(of: group.lane, with: &writer)
        }
        let length = state.withLock { $0.lanes[group.lane]?.segments.last?.length ?? 0 }
        return LaneChange(lane: group.lane, file: file, newSegment: nil, length: length)
    }

    /// Writes the group behind what counts.
    private func write(
        _ group: Group, firstNumber: UInt64, change: inout LaneChange, with writer: inout JournalWriter
    ) throws(JournalError) {
        let now = configuration.now()
        writer.buffer.removeAll(keepingCapacity: true)
        writer.buffer.reserveCapacity(group.records.reduce(0) { $0 + RecordHeader.length(of: $1) + $1.payload.count })
        for (record, index) in zip(group.records, group.indices) {
            let header = RecordHeader(record, number: firstNumber + UInt64(index), writtenAt: now)
            change.added.append((header, change.length + UInt64(writer.buffer.count)))
            header.encode(payload: record.payload, into: &writer.buffer)
        }
        try writer.write(to: change.file, at: change.length, files: files)
        writer.unsynced.insert(change.file.path)
    }

    /// The lane's last segment, open, if the group may go there.
    private func currentSegment(
        of lane: String, bytes: Int, with writer: inout JournalWriter
    ) throws(JournalError) -> JournalWriter.OpenSegment? {
        let last = state.withLock { state in state.lanes[lane].flatMap { $0.takesRecords ? $0.segments.last : nil } }
        guard let last else { return nil }
        if last.records > 0 {
            if last.length + UInt64(bytes) > UInt64(configuration.segmentBytes) { return nil }
            if let age = configuration.maximumAge,
                configuration.now() - last.firstWritten > max(1, age.components.seconds / 8)
            {
                return nil
            }
        }
        if let file = writer.open[lane], file.number == last.number { return file }
        guard let descriptor = try files.openExisting(last.path, flags: O_WRONLY) else { return nil }
        writer.close(lane, files: files)
        let file = JournalWriter.OpenSegment(number: last.number, path: last.path, descriptor: descriptor)
        writer.open[lane] = file
        return file
    }

    /// Begins a segment after the lane's last. It is the writer's, but not yet in the state.
    private func beginSegment(of lane: String, with writer: inout JournalWriter) throws(JournalError) -> LaneChange {
        let state = self.state.withLock { $0 }
        let change = try writer.makeSegment(of: lane, directory: directory, state: state, files: files)
        do {
            try writer.write(to: change.file, at: 0, files: files)
        } catch {
            discard(change, with: &writer)
            throw error
        }
        writer.unsynced.formUnion([change.file.path, directory + "/" + lane, directory])
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

    /// Removes a new segment that came to nothing.
    ///
    /// Should the file stay, then the next segment's header must say that it doesn't count, and so the lane's last may not grow before that.
    private func discard(_ change: LaneChange, with writer: inout JournalWriter) {
        if !writer.discard(change, files: files) { seal(change.lane) }
    }

    /// Ends a lane's last segment where it stands; the next record begins a new one.
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

extension JournalState {
    mutating func commit(_ change: LaneChange) {
        var lane = lanes[change.lane] ?? LaneState()
        lanes[change.lane] = nil  // so that its arrays are changed in place
        if let segment = change.newSegment {
            lane.segments.append(segment)
            lane.isSealed = false
        }
        let last = lane.segments.count - 1
        for (header, offset) in change.added {
            lane.segments[last].add(header, at: offset)
            lane.newest = header.last
            positions.note(header, lane: change.lane)
        }
        lanes[change.lane] = lane
    }
}

extension JournalWriter {
    /// Writes the buffer.
    func write(to file: OpenSegment, at offset: UInt64, files: Files) throws(JournalError) {
        let result = buffer.withUnsafeBytes { bytes in
            Result { () throws(JournalError) in
                try files.write(file.descriptor, path: file.path, bytes, at: offset)
            }
        }
        try result.get()
    }

    /// Makes the file of a new segment, still empty, and the writer's.
    mutating func makeSegment(
        of lane: String, directory: String, state: JournalState, files: Files
    ) throws(JournalError) -> LaneChange {
        let folder = directory + "/" + lane
        if state.lanes[lane]?.segments.isEmpty ?? true { try files.makeDirectory(folder) }
        let number = takeNumbers()
        let path = folder + "/" + SegmentName.of(number)
        let descriptor = try files.open(path, flags: O_WRONLY | O_CREAT | O_EXCL)
        let file = OpenSegment(number: number, path: path, descriptor: descriptor)
        close(lane, files: files)
        open[lane] = file
        let known = state.lanes[lane]
        let header = SegmentHeader(
            number: number, previous: known?.segments.last, last: known?.newest, lane: lane,
            positions: state.positions.filter { $0.value.lane == lane })
        buffer = header.encode()
        let segment = Segment(number: number, path: path, headerLength: buffer.count)
        return LaneChange(lane: lane, file: file, newSegment: segment, length: segment.length)
    }

    /// Removes a new segment that came to nothing; answers whether it is gone, or empty at least.
    mutating func discard(_ change: LaneChange, files: Files) -> Bool {
        var isGone = true
        do {
            try files.remove(change.file.path)
        } catch {
            leftovers.insert(change.file.path)
            do {
                try files.truncate(change.file.descriptor, path: change.file.path, to: 0)
            } catch {
                isGone = false
            }
        }
        unsynced.remove(change.file.path)
        close(change.lane, files: files)
        return isGone
    }

    mutating func close(_ lane: String, files: Files) {
        guard let file = open.removeValue(forKey: lane) else { return }
        files.close(file.descriptor)
    }
}
