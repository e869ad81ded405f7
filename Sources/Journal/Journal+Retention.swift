package import Diagnosis
private import Synchronization

extension Journal {
    /// Deletes segments until `incoming` bytes, by lane, fit into the bounds. The losses are kept in the state for `takeLosses`.
    func makeRoom(for incoming: [(lane: String, bytes: Int)], with writer: inout JournalWriter) throws(JournalError) {
        if configuration.isReadOnly { return }
        let now = configuration.now()
        while let victim = state.withLock({ $0.victim(incoming: incoming, now: now) }) {
            for path in writer.leftovers {
                try files.renameIfThere(path, to: path + SegmentName.leftoverSuffix)
                writer.leftovers.remove(path)
            }
            // The source positions of a lane's last segment live on in the one that follows it.
            if victim.isLast { try roll(victim.lane, with: &writer) }
            try files.remove(victim.segment.path)
            writer.unsynced.remove(victim.segment.path)
            let losses = victim.segment.losses(lane: victim.lane, reason: .evicted)
            state.withLock { state in
                state.lanes[victim.lane]?.remove(victim.segment.number, losses: losses)
                state.losses += losses
            }
        }
    }

    /// Removes a segment in which a reader found damage from the journal.
    ///
    /// - Parameter isGone: there is no file. A read-only journal assumes that the writer has evicted it.
    func setAside(_ segment: Segment, lane: String, isGone: Bool = false) {
        writer.withLock { writer in
            let isThere = state.withLock { state in
                state.lanes[lane]?.segments.contains { $0.number == segment.number } ?? false
            }
            guard isThere else { return }
            let reason: JournalLoss.Reason = isGone && configuration.isReadOnly ? .evicted : .corrupt
            let isLast = state.withLock { state in
                let segments = state.lanes[lane]?.segments ?? []
                let losses =
                    segments.first { $0.number == segment.number }?.losses(lane: lane, reason: reason) ?? []
                state.lanes[lane]?.remove(segment.number, losses: losses)
                state.losses += losses
                return segments.last?.number == segment.number
            }
            if configuration.isReadOnly { return }
            // A new segment keeps the source positions. If it can't be made, or the file not renamed, the next opening finds the file again.
            if isLast { seal(lane) }
            do {
                if isLast { try roll(lane, with: &writer) }
                try files.rename(segment.path, to: segment.path + SegmentName.corruptSuffix)
            } catch {
                return
            }
        }
    }
}

/// Sequences of a lane that the journal had and no longer has.
package struct JournalLoss: Hashable, Sendable {
    package enum Reason: String, Sendable {
        /// Deleted to stay within the bounds.
        case evicted
        /// Set aside with a damaged segment.
        case corrupt
    }

    package var lane: String
    package var epoch: UInt64
    package var first: UInt64
    package var last: UInt64
    /// How many of the range were stored; where that could no longer be read, all of them.
    package var count: UInt64
    package var reason: Reason

    package var range: SequenceRange { SequenceRange(epoch: epoch, first: first, last: last) }
}

extension JournalLoss: CustomStringConvertible {
    package var description: String { "\(lane) \(epoch)/\(first)...\(last) (\(count) \(reason))" }
}
