private import Glibc

/// What only appending needs: the open files and the next number. Guarded by the journal's `writer` lock, which readers hardly ever take.
struct JournalWriter: Sendable {
    struct OpenSegment: Sendable {
        var number: UInt64
        var path: String
        var descriptor: CInt
    }

    /// The number of the next record or segment. Numbers of failed writes are not used again.
    var nextNumber: UInt64 = 1
    var open: [String: OpenSegment] = [:]
    /// Files and directories that were written and not synced since.
    var unsynced = UnsyncedPaths()
    /// Files of failed writes that could not be removed. They go before any segment does, since the segments beside them tell that they don't count.
    var leftovers: Set<String> = []
    /// The bytes of one write.
    var buffer: [UInt8] = []

    /// Reserves numbers that follow each other and answers the first.
    mutating func takeNumbers(_ count: Int = 1) -> UInt64 {
        defer { nextNumber += UInt64(count) }
        return nextNumber
    }

    /// Writes the buffer to the file.
    func write(to file: OpenSegment, at offset: UInt64, files: Files) throws(JournalError) {
        let result = buffer.withUnsafeBytes { bytes in
            Result { () throws(JournalError) in
                try files.write(file.descriptor, path: file.path, bytes, at: offset)
            }
        }
        try result.get()
    }

    /// Creates the file of a lane's next segment, opens it, and puts its header into the buffer. The state does not know it yet.
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
            sources: state.sources.filter { $0.value.lane == lane })
        buffer = header.encode()
        let segment = Segment(number: number, path: path, headerLength: buffer.count)
        return LaneChange(lane: lane, file: file, newSegment: segment, length: segment.length)
    }

    /// Removes a new segment whose append failed; answers whether the file is gone, or at least empty.
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

/// Files and directories that must be synced. The same file is added again and again.
struct UnsyncedPaths: Sendable {
    private var paths: Set<String> = []
    /// The one that was added last, if it is still among them: equal strings that share their memory are compared at once, hashing takes longer.
    private var newest: String?

    mutating func insert(_ path: String) {
        guard path != newest else { return }
        paths.insert(path)
        newest = path
    }

    mutating func insert(_ others: some Sequence<String>) {
        paths.formUnion(others)
    }

    mutating func remove(_ path: String) {
        paths.remove(path)
        newest = nil
    }

    mutating func takeAll() -> Set<String> {
        defer { self = UnsyncedPaths() }
        return paths
    }
}

/// What an append has done to one lane so far: to be committed to the state, or undone in the file.
struct LaneChange: Sendable {
    var lane: String
    var file: JournalWriter.OpenSegment
    /// The segment, if it was begun for this.
    var newSegment: Segment?
    /// How long the file was, as far as it counted.
    var length: UInt64
    var added: [(header: RecordHeader, offset: UInt64)] = []
}

extension JournalState {
    /// Makes what an append has written count.
    mutating func commit(_ change: LaneChange) {
        var lane = lanes[change.lane] ?? LaneState()
        lanes[change.lane] = nil  // The only reference left: its arrays are changed in place.
        if let segment = change.newSegment {
            lane.segments.append(segment)
            lane.isSealed = false
        }
        let last = lane.segments.count - 1
        for (header, offset) in change.added {
            lane.segments[last].add(header, at: offset)
            lane.newest = header.last
            sources.recordSource(of: header, lane: change.lane)
        }
        lanes[change.lane] = lane
    }
}
