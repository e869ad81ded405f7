private import Glibc
private import Synchronization
private import SystemPackage
internal import SystemSupport

/// Asks NCCL's RAS for the state of the job, in lines over TCP (NVIDIA's user guide, "RAS"; `src/ras/client_support.cc`).
///
/// Only what answers as RAS does is asked anything. JSON is asked for, which RAS knows since NCCL 2.28.7; text is what others answer.
package struct RASClient: Sendable {
    /// The longest answer that is taken. A rank takes 600 bytes of JSON in each of its communicators.
    package static let mostBytes = 16 << 20
    /// RAS says of itself that an answer takes up to its timeout and five seconds; one more for us.
    static let slack: Duration = .seconds(6)

    package let address: RASAddress
    /// How long RAS may wait for a process of the job.
    var timeout: Duration = .seconds(5)
    var mostBytes = Self.mostBytes

    package init(address: RASAddress) {
        self.address = address
    }

    /// An answer, as it came.
    package struct Answer: Hashable, Sendable {
        package var isJSON: Bool
        package var content: [UInt8]
    }

    /// Takes at most the time that RAS may take, and no longer than to `deadline`. Ends soon when the task is cancelled.
    package func status(until deadline: ContinuousClock.Instant? = nil) async throws(RASError) -> Answer {
        let latest = ContinuousClock.now + timeout + Self.slack
        let end = min(deadline ?? latest, latest)
        let stop = StopFlag()
        let result: Result<Answer, RASError>
        do {
            result = try await PinnedThread.run(name: "ras", onCancel: { stop.set() }) { [self] in
                Result { () throws(RASError) in try ask(until: end, stop) }
            }
        } catch {
            throw RASError(address: address, reason: "\(error)")
        }
        return try result.get()
    }

    // MARK: on the thread

    private func ask(until end: ContinuousClock.Instant, _ stop: StopFlag) throws(RASError) -> Answer {
        let connection = try connect(until: end, stop)
        defer { close(connection.descriptor) }
        var lines = RASLines(connection: connection)
        let greeting = try lines.exchange("CLIENT PROTOCOL 2")
        guard greeting.uppercased().hasPrefix("SERVER PROTOCOL") else {
            throw failure("what listens there is not RAS: it answers '\(TerminalText.line(greeting, limit: 80))'")
        }
        // So that the answer comes before the end.
        let room = (end - .now - Self.slack).components.seconds
        let seconds = max(1, min(timeout.components.seconds, room))
        // A server without the command waits for five seconds.
        _ = try lines.exchange("TIMEOUT \(seconds)")
        let isJSON = try lines.exchange("SET FORMAT json").uppercased().hasPrefix("OK")
        try lines.send("VERBOSE STATUS")
        let content = try lines.rest(atMost: mostBytes)
        guard !content.isEmpty else { throw failure("it closed the connection without an answer") }
        return Answer(isJSON: isJSON, content: content)
    }

    private func failure(_ reason: String) -> RASError { RASError(address: address, reason: reason) }

    private func connect(until end: ContinuousClock.Instant, _ stop: StopFlag) throws(RASError) -> RASConnection {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(address.host, "\(address.port)", &hints, &list)
        guard code == 0, let list else {
            throw failure("its host can't be resolved: \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(list) }
        var reason = "there is no address"
        var next: UnsafeMutablePointer<addrinfo>? = list
        while let candidate = next?.pointee {
            next = candidate.ai_next
            let descriptor = socket(
                candidate.ai_family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
            guard descriptor >= 0 else {
                reason = SystemCallError.text(errno)
                continue
            }
            let connection = RASConnection(descriptor: descriptor, address: address, end: end, stop: stop)
            do throws(RASError) {
                try connection.finishConnecting(Glibc.connect(descriptor, candidate.ai_addr, candidate.ai_addrlen))
                return connection
            } catch {
                close(descriptor)
                reason = error.reason
            }
        }
        throw failure(reason)
    }
}

/// Why RAS gave no answer.
package struct RASError: Error, Hashable, CustomStringConvertible {
    package let address: RASAddress
    /// To follow a colon.
    package let reason: String

    package var description: String { "NCCL's RAS at \(address) can't be asked: \(reason)" }
}

/// Whether a thread is to give up.
final class StopFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    var isSet: Bool { flag.load(ordering: .relaxed) }

    func set() { flag.store(true, ordering: .relaxed) }
}

/// A connection that waits for its other end only until a moment, or until it is told to stop.
struct RASConnection {
    /// How often the flag is looked at.
    private static let slice: Duration = .milliseconds(100)

    let descriptor: CInt
    let address: RASAddress
    let end: ContinuousClock.Instant
    let stop: StopFlag

    func finishConnecting(_ result: CInt) throws(RASError) {
        guard result != 0 else { return }
        let code = errno
        guard code == EINPROGRESS || code == EINTR else { throw failure(SystemCallError.text(code)) }
        try wait(for: POLLOUT)
        var problem: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size)
        guard problem == 0 else { throw failure(SystemCallError.text(problem)) }
    }

    func send(_ bytes: [UInt8]) throws(RASError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else {
                try waitAfter(errno, for: POLLOUT)
            }
        }
    }

    /// Empty at the end.
    func receive() throws(RASError) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            guard !stop.isSet, .now < end else { throw timeout }
            let count = recv(descriptor, &block, block.count, 0)
            if count >= 0 { return Array(block[..<count]) }
            try waitAfter(errno, for: POLLIN)
        }
    }

    private func waitAfter(_ code: CInt, for event: CInt) throws(RASError) {
        guard code == EAGAIN || code == EINTR else { throw failure(SystemCallError.text(code)) }
        try wait(for: event)
    }

    private func wait(for event: CInt) throws(RASError) {
        while true {
            let left = end - .now
            guard left > .zero, !stop.isSet else { throw timeout }
            var poller = pollfd(fd: descriptor, events: Int16(event), revents: 0)
            let milliseconds = CInt(min(left, Self.slice) / .milliseconds(1)) + 1
            if poll(&poller, 1, milliseconds) > 0 { return }
        }
    }

    private var timeout: RASError {
        failure(stop.isSet ? "it was given up" : "it did not answer in time")
    }

    private func failure(_ reason: String) -> RASError { RASError(address: address, reason: reason) }
}

/// RAS's lines, and what comes after them.
struct RASLines {
    /// A longer answer to a command is none of RAS.
    private static let longestLine = 4096

    let connection: RASConnection
    private var buffer: [UInt8] = []

    init(connection: RASConnection) {
        self.connection = connection
    }

    mutating func send(_ command: String) throws(RASError) {
        try connection.send(Array("\(command)\n".utf8))
    }

    /// The line that answers a command.
    mutating func exchange(_ command: String) throws(RASError) -> String {
        try send(command)
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeSubrange(...end)
                return line.last == "\r" ? String(line.dropLast()) : line
            }
            guard buffer.count <= Self.longestLine else {
                throw RASError(
                    address: connection.address, reason: "what listens there is not RAS: its line has no end")
            }
            let bytes = try connection.receive()
            guard !bytes.isEmpty else {
                throw RASError(
                    address: connection.address, reason: "it closed the connection instead of answering '\(command)'")
            }
            buffer += bytes
        }
    }

    /// All until the other end closes.
    mutating func rest(atMost limit: Int) throws(RASError) -> [UInt8] {
        while true {
            guard buffer.count <= limit else {
                throw RASError(address: connection.address, reason: "its answer is longer than \(limit) bytes")
            }
            let bytes = try connection.receive()
            if bytes.isEmpty { return buffer }
            buffer += bytes
        }
    }
}
