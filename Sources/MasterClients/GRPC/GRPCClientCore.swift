import Logging
import NIOCore
import Synchronization

/// The state of a `GRPCClient`, on its event loop: the connection, and the calls that wait for one.
final class GRPCClientCore: GRPCConnectionOwner {
    private enum Phase {
        /// No connection; the next call makes one.
        case idle
        /// The TCP connection is being made, or the server's settings have not come yet.
        case connecting(GRPCConnection?)
        case connected(GRPCConnection)
        case closed
    }

    private let connector: GRPCConnector
    private let logger: Logger
    private var phase = Phase.idle
    private var silent = SilentAddresses()
    /// Connections that finish their last calls.
    private var draining: [GRPCConnection] = []
    private var waiting = CircularBuffer<GRPCCall>()
    private var deadlineTimer: (at: NIODeadline, task: Scheduled<Void>)?
    private var settingsTimer: Scheduled<Void>?

    init(connector: sending GRPCConnector, logger: Logger) {
        self.connector = connector
        self.logger = logger
    }

    // MARK: calls

    func submit(_ call: GRPCCall) {
        guard !call.token.isCancelled.load(ordering: .relaxed) else { return call.end(.failure(.cancelled)) }
        switch phase {
        case .closed: return call.end(.failure(.closed))
        case .connected(let connection) where waiting.isEmpty && connection.canBegin:
            connection.begin(call)
            connection.flush()
        case .connected, .connecting: waiting.append(call)
        case .idle:
            waiting.append(call)
            connect()
        }
        watchDeadline(call.deadline)
    }

    func cancel(_ token: GRPCCall.Token) {
        end(with: .cancelled) { $0.token === token }
    }

    func close() {
        let failure = GRPCFailure.closed
        let last = connections
        phase = .closed
        draining = []
        deadlineTimer?.task.cancel()
        settingsTimer?.cancel()
        endWaiting(with: failure) { _ in true }
        for connection in last {
            connection.end(with: failure) { _ in true }
            connection.close()
        }
    }

    private var connections: [GRPCConnection] {
        switch phase {
        case .connected(let connection): draining + [connection]
        case .connecting(let connection): draining + (connection.map { [$0] } ?? [])
        case .idle, .closed: draining
        }
    }

    private func end(with failure: GRPCFailure, where shouldEnd: (GRPCCall) -> Bool) {
        endWaiting(with: failure, where: shouldEnd)
        for connection in connections { connection.end(with: failure, where: shouldEnd) }
    }

    private func endWaiting(with failure: GRPCFailure, where shouldEnd: (GRPCCall) -> Bool) {
        for call in waiting where shouldEnd(call) { call.end(.failure(failure)) }
        waiting.removeAll(where: shouldEnd)
    }

    // MARK: deadlines

    /// One timer, set to the earliest deadline that was known when it was set. Calls that end in time leave it be, so that a
    /// busy client sets it once in the time of a deadline and not for each call.
    private func watchDeadline(_ deadline: NIODeadline) {
        if let deadlineTimer {
            guard deadline < deadlineTimer.at else { return }
            deadlineTimer.task.cancel()
        }
        let task = connector.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.deadlinePassed() }
        deadlineTimer = (deadline, task)
    }

    private func deadlinePassed() {
        deadlineTimer = nil
        let now = NIODeadline.now()
        end(with: .deadlineExceeded) { $0.deadline <= now }
        let next = (waiting.map(\.deadline) + connections.compactMap(\.earliestDeadline)).min()
        if let next { watchDeadline(next) }
    }

    // MARK: connecting

    private func connect() {
        phase = .connecting(nil)
        logger.debug("Connecting to the master.")
        connector.connect(avoiding: silent).assumeIsolated().whenComplete { self.didConnect($0) }
    }

    private func didConnect(_ result: Result<any Channel, any Error>) {
        guard case .connecting = phase else {
            if case .success(let channel) = result { channel.close(promise: nil) }
            return
        }
        do {
            let channel = try result.get()
            let connection = try channel.pipeline.syncOperations.handler(type: GRPCConnection.self)
            guard channel.isActive else { return failConnecting("the connection was closed at once") }
            connection.owner = self
            phase = .connecting(connection)
            if connection.isReady { return connectionIsReady(connection) }
            settingsTimer = connector.eventLoop.assumeIsolated().scheduleTask(in: connector.connectTimeout) {
                self.failConnecting("it accepted the connection but does not speak HTTP/2")
            }
        } catch {
            failConnecting(ConnectionErrorText.describe(error))
        }
    }

    private func failConnecting(_ reason: String) {
        guard case .connecting(let connection) = phase else { return }
        settingsTimer?.cancel()
        phase = .idle
        silent.add(connection?.address, now: .now())
        connection?.close()
        logger.debug("The master could not be connected to.", metadata: ["reason": "\(reason)"])
        endWaiting(with: .unavailable("no connection: \(reason)")) { _ in true }
    }

    // MARK: what connections tell

    func connectionIsReady(_ connection: GRPCConnection) {
        guard case .connecting(let awaited) = phase, awaited === connection else { return }
        settingsTimer?.cancel()
        phase = .connected(connection)
        logger.debug("Connected to the master.")
        connectionHasRoom(connection)
    }

    func connectionHasRoom(_ connection: GRPCConnection) {
        guard case .connected(let current) = phase, current === connection, !waiting.isEmpty else { return }
        while connection.canBegin, let call = waiting.popFirst() { connection.begin(call) }
        connection.flush()
    }

    func connectionDrains(_ connection: GRPCConnection) {
        guard isCurrent(connection) else { return }
        settingsTimer?.cancel()
        phase = .idle
        if connection.wasInVain { silent.add(connection.address, now: .now()) }
        draining.append(connection)
        logger.debug("The master's connection takes no more calls.")
        endWaiting(with: .unavailable("the master is closing the connection")) { _ in true }
    }

    func connectionDidClose(_ connection: GRPCConnection) {
        draining.removeAll { $0 === connection }
        if connection.wasInVain { silent.add(connection.address, now: .now()) }
        guard isCurrent(connection) else { return }
        let reason = connection.brokenBy ?? "the master closed the connection"
        if case .connecting = phase { return failConnecting(reason) }
        phase = .idle
        logger.debug("The connection to the master is gone.", metadata: ["reason": "\(reason)"])
        endWaiting(with: .unavailable(reason)) { _ in true }
    }

    private func isCurrent(_ connection: GRPCConnection) -> Bool {
        switch phase {
        case .connected(let current): current === connection
        case .connecting(let current): current === connection
        case .idle, .closed: false
        }
    }
}
