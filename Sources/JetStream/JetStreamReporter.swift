package import Diagnosis
package import Logging
internal import Synchronization

/// Reports to a stream of NATS JetStream: one message an envelope, acknowledged by the stream before the next of its lane is sent.
///
/// Each message carries an id, and the number that the subject's last message must have. So a message is stored once, in its lane's order,
/// whatever breaks: within the time that the server remembers ids, and after it, too, because the subject's last message says how far the
/// lane is.
package final class JetStreamReporter: EnvelopeReporter {
    /// The stream's last message tells how far a lane is.
    package let needsLanesInOrder = true
    /// How often in a row a lane may be overtaken by others on its subject before its messages go without the expected number.
    private static let mostOvertaken = 3

    private let address: StreamAddress
    private let options: JetStreamOptions
    private let session: StreamSession
    private let tails = Mutex(SubjectTails())

    package init(_ address: StreamAddress, options: JetStreamOptions, logger: Logger) {
        self.address = address
        var options = options
        options.sendsAtOnce = true
        self.options = options
        session = StreamSession(address, options: options, logger: logger)
    }

    package func report(_ batch: EnvelopeBatch) async -> ReportOutcome {
        var outcome = ReportOutcome(accepted: 0)
        do throws(ReportError) {
            try await send(batch, adding: &outcome)
        } catch {
            outcome.failure = .init(count: 1, error: error)
        }
        return outcome
    }

    package func close() async {
        await session.close()
    }

    private func send(_ batch: EnvelopeBatch, adding outcome: inout ReportOutcome) async throws(ReportError) {
        let stream = try await session.open()
        let subject = EnvelopeSubject.text(stream: address.stream, job: options.job, batch)
        var overtaken = 0
        while outcome.accepted < batch.count {
            var part = 1
            var rest = batch.dropFirst(outcome.accepted)
            let tail: SubjectTails.Tail
            if let known = tails.withLock({ $0[subject] }) {
                tail = known
            } else {
                let last = try await stream.tail(of: subject)
                let stored = StoredPosition(last.headers)
                (rest, part) = Self.skipStored(stored, rest, adding: &outcome)
                // A stranger's message behind ours: the subject is not ours alone.
                tail = overtaken >= Self.mostOvertaken ? .shared : .known(last.sequence)
            }
            guard !rest.isEmpty else {
                tails.withLock { $0[subject] = tail }
                return
            }
            let end = await LaneFlight(rest, firstPart: part, to: stream, subject: subject, tail: tail).run()
            tails.withLock { $0[subject] = end.tail }
            outcome.accepted += end.outcome.accepted
            for (change, count) in end.outcome.changed { outcome.changed[change, default: 0] += count }
            if end.hasNoStream { await session.lose() }
            if end.isOvertaken {
                overtaken += 1
                continue
            }
            outcome.failure = end.outcome.failure
            return
        }
    }

    /// Counts what the stream has already as accepted.
    ///
    /// - Returns: the rest, and with which part its first envelope goes on.
    private static func skipStored(
        _ stored: StoredPosition?, _ batch: EnvelopeBatch, adding outcome: inout ReportOutcome
    ) -> (EnvelopeBatch, part: Int) {
        guard let stored, stored.lane == batch.lane, batch.epoch > 0 else { return (batch, 1) }
        let isWhole = stored.part == stored.parts
        let count = batch.entries.prefix {
            let position = LanePosition(epoch: batch.epoch, sequence: $0.sequence)
            return position < stored.position || (position == stored.position && isWhole)
        }.count
        outcome.accepted += count
        let rest = batch.dropFirst(count)
        let isBegun =
            rest.entries.first.map { LanePosition(epoch: batch.epoch, sequence: $0.sequence) == stored.position }
            ?? false
        return (rest, isBegun ? stored.part + 1 : 1)
    }
}
