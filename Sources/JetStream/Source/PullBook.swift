internal import CNATS
internal import Synchronization

/// The requests for messages of consumers that are under way on a connection.
final class PullBook: Sendable {
    /// What a request came to.
    struct Outcome: Sendable {
        var messages: [StreamMessage] = []
        /// Where to acknowledge what is not arobust's.
        var foreign: [String] = []
        /// Why it ended before it was complete; `nil`: nothing more was there, or the time was over.
        var problem: String?
        /// Whether there is no such consumer any more.
        var hasNoConsumer = false
    }

    private struct Pull {
        var consumer: String
        var outcome = Outcome()
        var count: Int
        var deadline: ContinuousClock.Instant
        var continuation: CheckedContinuation<Outcome, Never>
    }

    private struct State {
        var pulls: [UInt64: Pull] = [:]
        /// A consumer's request. A message has the subject that it was sent to, and says in its reply subject whose it is.
        var tokens: [String: UInt64] = [:]
        var next: UInt64 = 0
    }

    /// Stands before the number of a request in the subject to which it is answered.
    static let word = "pull"
    /// How long after its time is over the servers may be silent.
    private static let patience = Duration.seconds(5)

    private let state = Mutex(State())

    /// Enters a request that `send` sends, and waits for its end.
    ///
    /// - Parameters:
    ///   - consumer: has no other request under way.
    ///   - send: gets its number; returns why it could not be sent.
    func wait(
        for count: Int, of consumer: String, time: Duration, send: (UInt64) -> String?
    ) async -> Outcome {
        await withCheckedContinuation { continuation in
            let token = state.withLock { state in
                state.next += 1
                state.tokens[consumer] = state.next
                state.pulls[state.next] = Pull(
                    consumer: consumer, count: count, deadline: .now + time + Self.patience, continuation: continuation)
                return state.next
            }
            if let problem = send(token) { end(token) { $0.problem = problem } }
        }
    }

    // MARK: on threads of libnats

    /// - Parameter word: of the subject, behind that of the connection's own answers; `nil` for a message of a stream.
    func received(_ message: arobust_nats_message, word: Substring?) {
        guard let word else { return take(message) }
        guard word.hasPrefix(Self.word + "."), let token = UInt64(word.dropFirst(Self.word.utf8.count + 1)) else {
            return
        }
        if message.has_no_responders { return end(token) { $0.problem = "nobody answers for the consumer just now" } }
        if let status = StreamMessage.status(message) { ended(token, status, message) }
    }

    private func take(_ message: arobust_nats_message) {
        guard let reply = message.reply.map({ String(cString: $0) }), let place = AcknowledgementPlace(reply) else {
            return
        }
        let read = StreamMessage(message, place)
        let complete = state.withLock { state -> UInt64? in
            // A message that comes after the end of its request is sent again by the server.
            guard let token = state.tokens[place.consumer], state.pulls[token] != nil else { return nil }
            if let read {
                state.pulls[token]?.outcome.messages.append(read)
            } else {
                state.pulls[token]?.outcome.foreign.append(reply)
            }
            state.pulls[token]?.count -= 1
            return state.pulls[token]?.count == 0 ? token : nil
        }
        if let complete { end(complete) { _ in } }
    }

    private func ended(_ token: UInt64, _ status: Int, _ message: arobust_nats_message) {
        let text = withUnsafePointer(to: message) {
            arobust_nats_header_of($0, "Description").map { String(cString: $0) }
        }
        switch status {
        case 100: break
        case 404, 408: end(token) { _ in }
        // There is more, but not within the bytes that were asked for.
        case 409 where text?.contains("MaxBytes") ?? false: end(token) { _ in }
        default:
            end(token) {
                $0.problem = "\(text ?? "the request ended") (\(status))"
                $0.hasNoConsumer = text?.contains("Consumer Deleted") ?? false
            }
        }
    }

    func endLate(now: ContinuousClock.Instant) {
        let late = state.withLock { $0.pulls.filter { $0.value.deadline <= now }.keys }
        for token in late { end(token) { $0.problem = "no answer came" } }
    }

    func endAll(_ reason: String) {
        for token in state.withLock({ Array($0.pulls.keys) }) { end(token) { $0.problem = reason } }
    }

    private func end(_ token: UInt64, _ change: (inout Outcome) -> Void) {
        let ended = state.withLock { state in
            let pull = state.pulls.removeValue(forKey: token)
            if let pull, state.tokens[pull.consumer] == token { state.tokens[pull.consumer] = nil }
            return pull
        }
        guard var pull = ended else { return }
        change(&pull.outcome)
        pull.continuation.resume(returning: pull.outcome)
    }
}

extension NATSConnection {
    /// Asks a consumer for messages.
    ///
    /// - Parameters:
    ///   - bytes: at most so many, headers with them.
    ///   - time: how long to wait for the first; zero: what is there.
    func pull(
        _ consumer: String, of stream: String, count: Int, bytes: Int, time: Duration
    ) async -> PullBook.Outcome {
        let wait = time > .zero ? ", \"expires\": \(time.nanoseconds)" : ", \"no_wait\": true"
        let question = "{\"batch\": \(count), \"max_bytes\": \(bytes)\(wait)}"
        return await pulls.wait(for: count, of: consumer, time: time) { token in
            guard isConnected else { return lastError }
            return publish(
                "$JS.API.CONSUMER.MSG.NEXT.\(stream).\(consumer)", "\(inbox).\(PullBook.word).\(token)",
                MessageHeaders(),
                ArraySlice(question.utf8))
        }
    }
}
