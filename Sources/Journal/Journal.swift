package import Diagnosis
internal import Synchronization

/// A bounded, durable log of batches of bytes, ordered within each lane. It knows nothing of what it stores.
///
/// Constraints first (`docs/journal.md` has the whole):
///
/// - Every record has checksums (CRC-32C), one over its header and one over its payload; a record is read as it was written or not at all.
/// - A record lies in one file, a segment; a lane's segments follow each other; only a lane's last segment is written to, at its end.
/// - Segments are deleted whole, from a lane's old end. What is deleted is reported.
/// - Only the torn end of a lane's last segment is ever cut off. Any other damage sets the segment aside under a new name.
/// - A record's source position outlives the record: every segment begins with the lane's source positions of that moment, so the
///   earlier segments can be deleted.
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
/// Writing: one writer at a time. The records of one `append` go to each lane in one write, and count once all lanes have theirs. A
/// failed write is cut off again; if even that fails, the segment is left as it is, and the next one's header says how much of it counts.
///
/// Reading: each reader has its own file open and reads only what counts. It asks the journal once for each segment, and at the end.
///
/// Locks: `writer` is held during writes, and by a reader only to set a damaged segment aside. `state` is held for look-ups, never during
/// I/O. Code that needs both takes `writer` first.
package final class Journal: Sendable {
    package let directory: String
    /// As it was opened. The bounds in it may have changed since: `limits`.
    package let configuration: JournalConfiguration
    /// What opening found and did.
    package let recovery: JournalRecovery

    let files: Files
    let state: Mutex<JournalState>
    let writer: Mutex<JournalWriter>

    /// Opens the journal in a directory, creates that if need be, and repairs what a crash left. The directory must hold nothing else.
    ///
    /// The headers of all records are read, the payloads of each lane's last segment too. See `recovery` for what was found.
    /// - Throws: `newerVersion` if a newer program wrote one of the files; nothing was touched then. `readOnly`, `full` or `io` if the
    ///   directory can't be read or created.
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
        var beginning = opening.state
        beginning.limits = JournalLimits(configuration)
        state = Mutex(beginning)
        self.writer = Mutex(writer)
    }

    deinit {
        for file in writer.withLock({ $0.open }).values { files.close(file.descriptor) }
    }

    /// Appends the records, in their order within each lane: all of them or none.
    ///
    /// A record must come after the lane's newest in (epoch, sequence); sequences may be left out. To make room, older segments are
    /// deleted first.
    /// - Returns: what was lost since losses were last returned: evicted now, or found corrupt. Each loss is returned once, so record it.
    /// - Throws: `full`, `readOnly` or `io`: nothing was appended, and the next call tries again. `invalid`: the records can't be appended.
    @discardableResult
    package func append(_ records: [JournalRecord]) throws(JournalError) -> [JournalLoss] {
        try writer.withLock { writer throws(JournalError) in
            try append(records, with: &writer)
            return state.withLock { $0.takeLosses() }
        }
    }

    /// Deletes what is too old or too much, as every `append` does: for a journal to which nothing is appended.
    ///
    /// - Returns: as `append`.
    @discardableResult
    package func evict() throws(JournalError) -> [JournalLoss] {
        try writer.withLock { writer throws(JournalError) in
            try makeRoom(for: [], with: &writer)
            return state.withLock { $0.takeLosses() }
        }
    }

    /// What was lost since losses were last returned, by this or by `append` or `evict`.
    package func takeLosses() -> [JournalLoss] {
        state.withLock { $0.takeLosses() }
    }

    /// Syncs everything written so far. Appending goes on meanwhile.
    package func sync() throws(JournalError) {
        var paths = writer.withLock { $0.unsynced.takeAll() }
        while let path = paths.first {
            do {
                try files.synchronize(path)
                paths.remove(path)
            } catch {
                let rest = paths
                writer.withLock { $0.unsynced.insert(rest) }
                throw error
            }
        }
    }

    /// Tells the journal up to where nobody needs a lane any more: that is evicted before anything that is still needed.
    package func markFinished(lane: String, through position: LanePosition) {
        state.withLock { $0.finished[lane] = position }
    }

    /// The newest source position that was appended under the key.
    package func lastPosition(of key: String) -> [UInt8]? {
        state.withLock { $0.sources[key]?.bytes }
    }

    /// What the journal holds, by lane, in the order of their names.
    package var lanes: [JournalLane] {
        state.withLock { state in
            state.lanes.map { $0.value.description(name: $0.key) }.sorted { $0.name < $1.name }
        }
    }

    /// What the journal holds of the lane; `nil` for a lane it never had.
    package func lane(_ name: String) -> JournalLane? {
        state.withLock { $0.lanes[name]?.description(name: name) }
    }

    /// The size of all segments.
    package var bytes: Int {
        state.withLock { $0.bytes }
    }
}
