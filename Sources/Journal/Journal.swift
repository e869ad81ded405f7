internal import Synchronization

/// A bounded, durable record of batches of bytes, lane by lane in order. It knows nothing of what it stores.
///
/// Constraints first (`docs/journal.md` has the whole):
///
/// - Every record has checksums (CRC-32C), one over its header and one over its payload; a record is read as it was written or not at all.
/// - A record lies in one file, a segment; a lane's segments follow each other; only a lane's last segment is written to, at its end.
/// - Segments are deleted whole, from a lane's old end. What is deleted is reported.
/// - Only the torn end of a lane's last segment is ever cut. Any other damage sets the segment aside under a new name.
/// - A record's source position survives the record: every segment begins with the lane's positions of its moment, so a lane's last
///   segment makes the earlier ones dispensable.
/// - Records and segments are numbered together, across lanes; of two positions of one source, that of the higher number is the newer.
///
///     DIR/<lane>/<number>.seg        number: 20 digits
///
///     segment:  magic 8 │ version 4 │ header length 4 │ checksum of these 4
///               number 8 │ previous segment 8 │ its length 8 │ lane's newest epoch 8, sequence 8 │ lane │ positions │ checksum 4
///               record …
///     record:   "JREC" │ header checksum 4 │ payload checksum 4 │ payload length 4 │ key length 2 │ position length 2 │ count 4
///               number 8 │ epoch 8 │ first sequence 8 │ earliest 8 │ latest 8 │ written at 8 │ key │ position │ payload
///
/// Writing: one writer at a time; the records of one `append` go to each lane in one write, and count once all lanes have theirs. A
/// failed write is cut off again; where even that fails, the segment is left as it is, and the next one's header says how much of it counts.
/// Reading: a reader has a file of its own open and looks at what counts only; it asks the journal once for each segment and at the end.
/// Locks: `writer` is held during writes, and by a reader only to set a damaged segment aside; `state` is held for look-ups, never during I/O. Who
/// needs both takes `writer` first.
package final class Journal: Sendable {
    package let directory: String
    package let configuration: JournalConfiguration
    /// What opening found and did.
    package let recovery: JournalRecovery

    let files: Files
    let state: Mutex<JournalState>
    let writer: Mutex<JournalWriter>

    /// Opens the journal in a directory, which is made if need be, and brings it into order. The directory must be this journal's alone.
    ///
    /// The headers of all records are read, the payloads of each lane's last segment too. See `recovery` for what was found.
    /// - Throws: `newerVersion` if a file is of a newer program; then nothing was touched. `readOnly`, `full` or `io` if the directory
    ///   can't be read or made.
    package static func open(
        directory: String, configuration: JournalConfiguration = JournalConfiguration()
    ) throws(JournalError) -> Journal {
        try open(directory: directory, configuration: configuration, fileSystem: PosixFileSystem())
    }

    static func open(
        directory: String, configuration: JournalConfiguration, fileSystem: any FileSystem
    ) throws(JournalError) -> Journal {
        var opening = JournalOpening(
            directory: directory, files: Files(system: fileSystem), isReadOnly: configuration.isReadOnly)
        try opening.run()
        return Journal(opening, configuration: configuration)
    }

    private init(_ opening: JournalOpening, configuration: JournalConfiguration) {
        directory = opening.directory
        self.configuration = configuration
        files = opening.files
        var opening = opening
        var writer = JournalWriter()
        writer.nextNumber = opening.nextNumber
        opening.setAsideCorruptSegments(with: &writer)
        writer.leftovers = opening.leftovers
        recovery = opening.recovery
        state = Mutex(opening.state)
        self.writer = Mutex(writer)
    }

    deinit {
        for file in writer.withLock({ $0.open }).values { files.close(file.descriptor) }
    }

    /// Writes the records, in their order within each lane: all of them or none.
    ///
    /// A record must come after the lane's newest in (epoch, sequence); sequences may be left out. To make room, older segments are
    /// deleted first.
    /// - Returns: what was lost since the last time that losses were taken: evicted now, or found corrupt. Enter it where losses are
    ///   accounted for; it is not told again.
    /// - Throws: `full`, `readOnly` or `io`: nothing was appended, and the next call tries again. `invalid`: the records can't be appended.
    @discardableResult
    package func append(_ records: [JournalRecord]) throws(JournalError) -> [JournalLoss] {
        try writer.withLock { writer throws(JournalError) in
            try append(records, with: &writer)
            return state.withLock { $0.takeLosses() }
        }
    }

    /// Deletes what is too old or too much, as every `append` does; for a journal to which nothing comes.
    ///
    /// - Returns: as `append`.
    @discardableResult
    package func evict() throws(JournalError) -> [JournalLoss] {
        try writer.withLock { writer throws(JournalError) in
            try makeRoom(for: [:], with: &writer)
            return state.withLock { $0.takeLosses() }
        }
    }

    /// What was lost since the last time that losses were taken.
    package func takeLosses() -> [JournalLoss] {
        state.withLock { $0.takeLosses() }
    }

    /// Syncs all that was written so far; appending goes on meanwhile.
    package func sync() throws(JournalError) {
        var paths = writer.withLock { writer in
            defer { writer.unsynced = [] }
            return writer.unsynced
        }
        while let path = paths.first {
            do {
                try files.synchronize(path)
                paths.remove(path)
            } catch {
                let rest = paths
                writer.withLock { $0.unsynced.formUnion(rest) }
                throw error
            }
        }
    }

    /// Says up to where nobody needs a lane any more: what lies before is evicted rather than what is still needed.
    package func markFinished(lane: String, through point: LanePoint) {
        state.withLock { $0.finished[lane] = point }
    }

    /// The newest position that was appended under the key.
    package func lastPosition(of key: String) -> [UInt8]? {
        state.withLock { $0.positions[key]?.bytes }
    }

    /// What the journal holds, by lane, in the order of their names.
    package var lanes: [JournalLane] {
        state.withLock { state in
            state.lanes.map { $0.value.description(name: $0.key) }.sorted { $0.name < $1.name }
        }
    }

    /// What the journal holds of the lane; `nil` if it never was.
    package func lane(_ name: String) -> JournalLane? {
        state.withLock { $0.lanes[name]?.description(name: name) }
    }

    /// What all segments take.
    package var bytes: Int {
        state.withLock { $0.bytes }
    }
}

/// What appending needs: the open files and the next number. Under a lock of its own, which only those who write take.
struct JournalWriter: Sendable {
    struct OpenSegment: Sendable {
        var number: UInt64
        var path: String
        var descriptor: CInt
    }

    /// The number of the next record or segment. Numbers of failed writes are not used again.
    var nextNumber: UInt64 = 1
    var open: [String: OpenSegment] = [:]
    /// Files and directories with something that no sync has followed yet.
    var unsynced: Set<String> = []
    /// Files of failed writes that could not be removed. No segment is deleted before they are, since their neighbours tell what they are.
    var leftovers: Set<String> = []
    /// A group as it goes to the file.
    var buffer: [UInt8] = []

    /// The first of so many numbers.
    mutating func takeNumbers(_ count: Int = 1) -> UInt64 {
        defer { nextNumber += UInt64(count) }
        return nextNumber
    }
}

/// What an append has done to one lane so far, so that it can be made undone or known.
struct LaneChange: Sendable {
    var lane: String
    var file: JournalWriter.OpenSegment
    /// The segment, if it was begun for this.
    var newSegment: Segment?
    /// How long the file was, as far as it counted.
    var length: UInt64
    var added: [(header: RecordHeader, offset: UInt64)] = []
}
