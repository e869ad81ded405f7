internal import Delivery
internal import Diagnosis
internal import Logging
internal import ServiceLifecycle
private import Synchronization
internal import SystemSupport
internal import ZMQBridge

/// The bridge: a link for each master, none of which waits for another.
///
/// Until it is stopped the links are `running`; then all of them go through `draining` and `closing`, each at its own pace, and the bridge
/// ends with the last. A link that fails stops the others in the same way. While it runs, links may come and go (`begin`, `end`).
final class BridgeAgent: Service {
    private struct State {
        var links: [MasterLink]
        /// What the first link that failed threw.
        var failure: (any Error)?
        var isStopped = false
    }

    private let state: Mutex<State>
    private let removed: RemovedMasters
    /// Reads for all links; `nil`: each has its own.
    private let thread: SubscriberThread?
    let shutdownDeadline: Duration
    private let requestBeat: (@Sendable () -> Void)?
    private let logger: Logger
    /// Links that are to run; ends with the stop.
    private let beginning: AsyncStream<MasterLink>
    private let beginRequest: AsyncStream<MasterLink>.Continuation

    /// - Parameters:
    ///   - thread: reads for all links.
    ///   - shutdownDeadline: how long a link's end may take.
    ///   - requestBeat: makes the publisher in this process beat now, so that the end of its stream is known at once.
    init(
        links: [MasterLink], removed: RemovedMasters, thread: SubscriberThread? = nil, shutdownDeadline: Duration,
        requestBeat: (@Sendable () -> Void)?, logger: Logger
    ) {
        state = Mutex(State(links: links))
        self.removed = removed
        self.thread = thread
        self.shutdownDeadline = shutdownDeadline
        self.requestBeat = requestBeat
        self.logger = logger
        (beginning, beginRequest) = AsyncStream.makeStream()
        for link in links { beginRequest.yield(link) }
    }

    private var links: [MasterLink] { state.withLock { $0.links } }

    /// How far each link is.
    var phases: [MasterLink.Phase] { links.map(\.phase) }

    /// The names of the masters that there are links to.
    var masters: Set<String> { Set(links.map(\.reporter.consumer)) }

    func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            // The one task that is not part of a group, awaited on the spot: when another service fails this one is cancelled, and what
            // is held must still be delivered, until the deadline. Nothing inside of it is ever cancelled from outside.
            try await Task { try await self.runLinks() }.value
        } onCancelOrGracefulShutdown: {
            self.stop()
        }
    }

    /// Lets `run` begin to end. From any thread.
    func stop() {
        let links = state.withLock { state in
            state.isStopped = true
            return state.links
        }
        for link in links { link.stop() }
        beginRequest.finish()
    }

    /// Runs all links until the bridge is stopped and they have ended.
    ///
    /// - Throws: what the first link that failed threw, after the others have ended in order.
    private func runLinks() async throws {
        // Cancelled when the links have ended.
        async let _ = removed.forget()
        async let _ = turnWhileIdle()
        await withDiscardingTaskGroup { group in
            // Links end only after a stop. Without a master there is only this to wait for.
            for await link in beginning {
                group.addTask { await self.run(link) }
            }
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func run(_ link: MasterLink) async {
        do {
            try await link.run(deadline: shutdownDeadline, requestBeat: requestBeat) {
                // At the end, or because it fails; then the others are to end, too.
                if !link.isStopping { self.stop() }
            }
        } catch {
            let isLeaving = state.withLock { link.isStopping && !$0.isStopped }
            if isLeaving {
                logger.warning(
                    "The link to a master that is no longer set did not end in order.",
                    metadata: ["master": "\(link.reporter.consumer)", "error": "\(error)"])
            } else {
                state.withLock { $0.failure = $0.failure ?? error }
                stop()
            }
        }
        summarize(link)
    }

    /// The thread that reads makes no turns while there is nobody to read for, and that is as it should be.
    private func turnWhileIdle() async {
        while !Task.isCancelled {
            if links.isEmpty { thread?.turnIfIdle() }
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    private func summarize(_ link: MasterLink) {
        var metadata: Logger.Metadata = ["master": "\(link.reporter.consumer)"]
        for (name, count) in link.source.counts { metadata[name] = "\(count)" }
        logger.info("Reading for a master has ended.", metadata: metadata)
    }
}

extension BridgeAgent {
    /// Runs one more link.
    ///
    /// - Returns: `false` if the bridge is stopped; the link then does not run.
    func begin(_ link: MasterLink) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isStopped else { return false }
            state.links.append(link)
            return true
        }
        if isTaken { beginRequest.yield(link) }
        return isTaken
    }

    /// Ends the link to a master, and waits for that, or until the task is cancelled.
    ///
    /// - Returns: whether it has ended; the bridge may be stopped meanwhile, and ends it itself.
    func end(_ master: String, _ ending: MasterLink.Ending) async -> Bool {
        guard let link = links.first(where: { $0.reporter.consumer == master }) else { return true }
        link.stop(ending)
        await link.waitForEnd()
        return state.withLock { state in
            guard link.phase == .ended, !state.isStopped else { return false }
            state.links.removeAll { $0 === link }
            return true
        }
    }
}

extension BridgeAgent: WorkingService {
    /// All links read with one thread.
    var workingParts: [WorkingPart] {
        thread.map { [$0.workingPart] } ?? links.first.map { [$0.source.workingPart] } ?? []
    }

    func workSummary() async -> String? {
        let links = links
        guard !links.isEmpty else { return nil }
        let states = links.compactMap { link in
            link.reporter.accounts.values.first.map { (link.reporter.consumer, $0.state) }
        }
        guard !states.isEmpty else { return "waits for a publisher" }
        let masters = links.count == 1 ? "1 master" : "\(links.count) masters"
        let troubled = states.compactMap { name, state -> String? in
            if let reason = state[ConsumerStateKey.stopped.rawValue] { return "\(name): \(reason)" }
            guard state[ConsumerStateKey.breaker.rawValue] != "closed" else { return nil }
            return state[ConsumerStateKey.lastError.rawValue] ?? name
        }
        guard let first = troubled.first else { return "reports to \(masters)" }
        return "reports to \(masters), of which \(troubled.count) can't be reported to now (\(first))"
    }
}
