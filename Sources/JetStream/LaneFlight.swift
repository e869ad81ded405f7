internal import Diagnosis
internal import Synchronization

/// Brings a batch into a stream, one message after the other: the next one is sent by the answer to the one before, on libnats's thread.
///
/// More under way would be faster and wrong. When a stream's leader changes, messages that were sent to the old one are lost while those
/// behind them may already reach the new one; sent again, they would stand in the stream behind their followers.
final class LaneFlight: Sendable {
    /// How a flight ended.
    struct End: Sendable {
        var outcome: ReportOutcome
        /// What is known of the subject now; `nil`: it has to be asked.
        var tail: SubjectTails.Tail?
        /// Whether others have written to the subject since: ask, and go on.
        var isOvertaken = false
        /// Whether the stream itself may be gone.
        var hasNoStream = false
    }

    private struct State {
        var index = 0
        var part = 1
        var message: EnvelopeMessage?
        var outcome = ReportOutcome(accepted: 0)
        var tail: SubjectTails.Tail
        var continuation: CheckedContinuation<End, Never>?
    }

    private let stream: Stream
    private let subject: String
    private let batch: EnvelopeBatch
    private let entries: [EnvelopeBatch.Entry]
    private let state: Mutex<State>

    /// - Parameter firstPart: of the first envelope; those before it are in the stream.
    init(_ batch: EnvelopeBatch, firstPart: Int, to stream: Stream, subject: String, tail: SubjectTails.Tail) {
        self.batch = batch
        self.stream = stream
        self.subject = subject
        entries = Array(batch.entries)
        state = Mutex(State(part: firstPart, tail: tail))
    }

    /// To be called once. Ends when the last answer is there, or at the first failure.
    func run() async -> End {
        await withCheckedContinuation { continuation in
            state.withLock { $0.continuation = continuation }
            sendNext()
        }
    }

    private enum Next {
        case send(EnvelopeMessage, part: Int, after: UInt64?)
        case end
        case fail(ReportError)
    }

    private func sendNext() {
        switch state.withLock({ next(&$0) }) {
        case .end: finish { _ in }
        case .fail(let error): finish { $0.outcome.failure = .init(count: 1, error: error) }
        case .send(let message, let part, let last):
            stream.connection.ask(
                subject, message.headers(part: part, after: last, stream: stream.name), message.bodies[part - 1]
            ) { self.take(PublishAnswer($0)) }
        }
    }

    private func next(_ state: inout State) -> Next {
        guard state.index < entries.count else { return .end }
        do throws(ReportError) {
            let message: EnvelopeMessage
            if let begun = state.message {
                message = begun
            } else {
                message = try EnvelopeMessage(
                    entries[state.index], of: batch, for: stream.name, room: stream.room)
                state.message = message
            }
            // What had more parts when the servers took less: the rest of it is there.
            guard state.part <= message.bodies.count else {
                accept(&state, message)
                return next(&state)
            }
            let last: UInt64? = if case .known(let sequence) = state.tail { sequence } else { nil }
            return .send(message, part: state.part, after: last)
        } catch {
            return .fail(error)
        }
    }

    private func take(_ answer: PublishAnswer) {
        switch answer {
        case .stored(let sequence, _):
            state.withLock { state in
                if case .known(let last) = state.tail { state.tail = .known(max(last, sequence)) }
                guard let message = state.message else { return }
                if state.part < message.bodies.count { state.part += 1 } else { accept(&state, message) }
            }
            sendNext()
        case .refused(let problem) where problem.isWrongLastSequence:
            finish {
                $0.tail = nil
                $0.isOvertaken = true
            }
        case .refused(let problem) where problem.code == StreamProblem.messageTooLarge:
            let message = "the stream \(stream.name) takes no message of this size: \(problem.text)"
            finish { $0.outcome.failure = .init(count: 1, error: ReportError(code: .refused, message: message)) }
        case .refused(let problem):
            finish {
                $0.hasNoStream = problem == .noResponders || problem.code == StreamProblem.differentStream
                $0.outcome.failure = .init(count: 1, error: Stream.error(self.stream.name, problem))
            }
        case .unknown(let reason):
            // It is asked for before it is sent again, so nothing is there twice.
            let error = ReportError(code: .unavailable, message: "the stream \(stream.name) did not answer: \(reason)")
            finish {
                $0.tail = nil
                $0.outcome.failure = .init(count: 1, error: error)
            }
        }
    }

    private func accept(_ state: inout State, _ message: EnvelopeMessage) {
        state.index += 1
        state.part = 1
        state.message = nil
        state.outcome.accepted += 1
        if message.bodies.count > 1 { state.outcome.changed["split", default: 0] += 1 }
        if message.hasCutLine { state.outcome.changed["line-cut", default: 0] += 1 }
    }

    private func finish(_ change: (inout End) -> Void) {
        let (continuation, outcome, tail) = state.withLock { state in
            defer { state.continuation = nil }
            return (state.continuation, state.outcome, state.tail)
        }
        var end = End(outcome: outcome, tail: tail)
        change(&end)
        continuation?.resume(returning: end)
    }
}
