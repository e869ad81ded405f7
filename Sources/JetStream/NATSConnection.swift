private import CNATS
internal import Diagnosis
internal import Synchronization
internal import SystemSupport

/// A connection to one of a stream's servers, and the questions that wait for an answer on it.
///
/// It connects again by itself, to any of the servers. Whatever waited when it broke is told so at once, and is not sent again: only who asked
/// knows whether it still should be.
final class NATSConnection: Sendable {
    /// What came of a question.
    enum Answer {
        /// The body, and the header that was asked for.
        case message([UInt8])
        /// Nobody listens: there is no such stream, or no leader.
        case noResponders
        /// No answer came in time, or the connection broke: the server may have got the question.
        case lost(String)
    }

    typealias Handler = @Sendable (Answer) -> Void

    private struct Waiting {
        var handler: Handler
        var deadline: ContinuousClock.Instant
    }

    private struct State {
        var waiting: [UInt64: Waiting] = [:]
        var next: UInt64 = 0
        var isClosed = false
    }

    /// How much of answers may wait to be looked at. One is a publication's, or a message of the stream.
    private static let mostAnswers = 4096
    private static let mostBytesOfAnswers = 128 << 20
    /// How often it is looked for what waits too long.
    private static let sweepPause = Duration.milliseconds(250)

    // libnats has locks of its own.
    nonisolated(unsafe) private let nats: OpaquePointer  // libnats has locks of its own
    let inbox: String
    /// The requests for several messages.
    let pulls = PullBook()
    private let state = Mutex(State())
    private let sweeper = Mutex<Task<Void, Never>?>(nil)
    private let deadline: Duration
    private let isSecure: Bool
    /// The most bytes that a message may have, headers and body together.
    let maxPayload: Int

    /// Connects. Blocks for as long as that takes.
    init(to address: StreamAddress, options: JetStreamOptions) throws(ReportError) {
        inbox = "_INBOX.\(PublisherID())".filter { $0 != "-" }
        deadline = options.deadline
        isSecure = address.isSecure
        let watcher = Watcher()
        var error = [CChar](repeating: 0, count: 512)
        let opened = ConnectionArguments(address, options).withOptions { given in
            arobust_nats_connect(
                given, { Watcher.from($1).changed(isConnected: $0) }, Watcher.pointer(watcher), &error, error.count)
        }
        guard let opened else {
            let reason = String(decoding: error.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw ReportError(
                code: .unavailable,
                message:
                    "cannot connect to any of \(address.servers.joined(separator: ", ")): \(ConnectProblem.text(reason, isSecure: address.isSecure))"
            )
        }
        nats = opened
        self.watcher = watcher
        maxPayload = Int(clamping: arobust_nats_max_payload(opened))
        watcher.connection.withLock { $0.value = self }
        let problem = arobust_nats_listen(
            opened, inbox + ".>", CInt(Self.mostAnswers), CInt(Self.mostBytesOfAnswers),
            { message, context in
                guard let message, let connection = Watcher.from(context).connection.withLock({ $0.value }) else {
                    return
                }
                connection.received(message.pointee)
            }, Watcher.pointer(watcher))
        if let problem {
            throw ReportError(code: .unavailable, message: "cannot listen for answers: \(String(cString: problem))")
        }
        let task = Task.detached { [weak self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.sweepPause)
                guard let self else { return }
                self.sweep()
            }
        }
        sweeper.withLock { $0 = task }
    }

    private let watcher: Watcher

    deinit {
        sweeper.withLock { $0?.cancel() }
        // Closing waits for calls of libnats, and this may be one.
        let closing = Closing(nats: nats, watcher: watcher)
        Task.detached { await Self.closingQueue.run { closing.run() } }
    }

    private static let closingQueue = BlockingQueue(label: "arobust.nats.close", pool: .output)

    // The pointer is used by one task alone, which has it to close it.
    private struct Closing: @unchecked Sendable {
        let nats: OpaquePointer
        let watcher: Watcher

        func run() {
            arobust_nats_close(nats)
            withExtendedLifetime(watcher) {}
        }
    }

    var isConnected: Bool { arobust_nats_is_connected(nats) }

    /// Whether it will never connect again by itself: another one must be made.
    var hasEnded: Bool { arobust_nats_has_ended(nats) }

    /// Why the last try to connect failed, or the connection broke.
    var lastError: String {
        var error = [CChar](repeating: 0, count: 512)
        arobust_nats_last_error(nats, &error, error.count)
        let reason = String(decoding: error.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return ConnectProblem.text(reason, isSecure: isSecure)
    }

    /// Sends a message; `handler` is called once, on a thread of libnats or of Swift, and must not block.
    func ask(_ subject: String, _ headers: MessageHeaders, _ body: ArraySlice<UInt8>, _ handler: @escaping Handler) {
        let token = state.withLock { state -> UInt64? in
            guard !state.isClosed else { return nil }
            state.next += 1
            state.waiting[state.next] = Waiting(handler: handler, deadline: .now + deadline)
            return state.next
        }
        guard let token else { return handler(.lost("the connection is closed")) }
        guard let problem = isConnected ? publish(subject, "\(inbox).\(token)", headers, body) : lastError else {
            return
        }
        take(token)?.handler(.lost(problem))
    }

    /// Sends a message to which nothing is answered, if there is a connection.
    func tell(_ subject: String, _ body: StaticString) {
        guard isConnected else { return }
        _ = publish(subject, nil, MessageHeaders(), body.withUTF8Buffer { Array($0) }[...])
    }

    /// - Returns: why it could not be sent; `nil`: it is on its way.
    func publish(
        _ subject: String, _ reply: String?, _ headers: MessageHeaders, _ body: ArraySlice<UInt8>
    ) -> String? {
        let problem: UnsafePointer<CChar>? = headers.withHeaders { given, count in
            body.withUnsafeBytes { body in
                arobust_nats_publish(nats, subject, reply, given, CInt(count), body.baseAddress, CInt(body.count))
            }
        }
        return problem.map { String(cString: $0) }
    }

    /// The same for a task. Not for each message of a stream.
    func ask(_ subject: String, _ body: String) async -> Answer {
        await withCheckedContinuation { continuation in
            ask(subject, MessageHeaders(), ArraySlice(body.utf8)) { continuation.resume(returning: $0) }
        }
    }

    /// Ends all that waits. The connection itself ends with the last reference to it.
    func close() {
        fail(isFinal: true, "the connection is closed")
    }

    // MARK: on threads of libnats

    private func received(_ message: arobust_nats_message) {
        guard let subject = message.subject else { return }
        let text = String(cString: subject)
        guard text.hasPrefix(inbox) else { return pulls.received(message, word: nil) }
        let word = text.dropFirst(inbox.utf8.count + 1)
        guard let token = UInt64(word) else { return pulls.received(message, word: word) }
        guard let waiting = take(token) else { return }
        guard !message.has_no_responders else { return waiting.handler(.noResponders) }
        let bytes = UnsafeRawBufferPointer(start: message.data, count: Int(message.length))
        waiting.handler(.message(Array(bytes)))
    }

    fileprivate func changed(isConnected: Bool) {
        if !isConnected { fail(isFinal: false, "the connection broke") }
    }

    private func take(_ token: UInt64) -> Waiting? {
        state.withLock { $0.waiting.removeValue(forKey: token) }
    }

    private func sweep() {
        let now = ContinuousClock.now
        pulls.endLate(now: now)
        let late = state.withLock { state -> [Waiting] in
            let tokens = state.waiting.filter { $0.value.deadline <= now }.map(\.key).sorted()
            return tokens.compactMap { state.waiting.removeValue(forKey: $0) }
        }
        for waiting in late { waiting.handler(.lost("no answer came within \(DurationText.write(deadline))")) }
    }

    private func fail(isFinal: Bool, _ reason: String) {
        let all = state.withLock { state -> [Waiting] in
            defer { state.waiting = [:] }
            if isFinal { state.isClosed = true }
            return state.waiting.sorted { $0.key < $1.key }.map(\.value)
        }
        for waiting in all { waiting.handler(.lost(reason)) }
        pulls.endAll(reason)
    }
}

/// What libnats gets in place of a connection, which may be gone when it calls back.
private final class Watcher: Sendable {
    struct Reference: Sendable { weak var value: NATSConnection? }

    let connection = Mutex(Reference())

    func changed(isConnected: Bool) {
        connection.withLock { $0.value }?.changed(isConnected: isConnected)
    }

    /// Valid as long as the watcher lives.
    static func pointer(_ watcher: Watcher) -> UnsafeMutableRawPointer {
        Unmanaged.passUnretained(watcher).toOpaque()
    }

    static func from(_ pointer: UnsafeMutableRawPointer?) -> Watcher {
        Unmanaged<Watcher>.fromOpaque(pointer!).takeUnretainedValue()
    }
}

/// The library that speaks NATS. It is loaded when it is first asked for.
package enum JetStreamLibrary {
    /// Why streams cannot be reached on this machine, as a sentence; `nil` if they can. Loads the library.
    package static var obstacle: String? {
        arobust_nats_obstacle().map { String(cString: $0) }
    }
}
