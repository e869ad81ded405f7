internal import DequeModule
internal import Diagnosis
internal import Journal
internal import Logging
internal import Synchronization
internal import SystemSupport

/// Replays to consumers what they missed, takes their cursors, and answers `status`: a ROUTER beside the publishing socket.
///
/// `docs/wire-format.md`, "Replay". A request has a credit; when that is used up the answer ends, and the consumer asks again. So a
/// consumer that does not read costs no more memory than its credit, and nothing is remembered of it. Requests are answered in turn,
/// one record each, on a thread of the server's own, with a limit on bytes a second.
final class ReplayServer: Sendable {
    private static let mostJobs = 4096
    private static let mostJobsOfPeer = 300
    /// How long to leave peers alone when none of them reads.
    private static let unreadPause: Duration = .milliseconds(10)
    /// With more jobs than this, one whose turn is over closes its file.
    private static let mostOpenJobs = 16
    private static let requestsPerRound = 64
    /// How many bytes go out between two looks at the socket; a record is read whole, so it may be more.
    private static let bytesPerRound = 1 << 20
    /// How much of the allowed bytes a second may go out at once.
    private static let burst: Duration = .milliseconds(100)

    private let publisher: MetricPublisher
    /// Makes the socket, on the thread that uses it.
    private let makeSocket: @Sendable () throws -> ReplaySocket
    /// Whether it is for clients of the network.
    private let isForNetwork: Bool
    private let logger: Logger
    private let wakeup: Wakeup

    init(publisher: MetricPublisher, context: ZMQContext, logger: Logger) throws {
        self.publisher = publisher
        makeSocket = {
            try ReplaySocket(
                in: publisher.directory, publisher: publisher.id, epoch: publisher.epoch, context: context,
                log: publisher.connectionLog)
        }
        isForNetwork = false
        self.logger = logger
        wakeup = try Wakeup()
    }

    /// A second one, for clients of the network: whatever they do takes nothing from those of this machine.
    init(publisher: MetricPublisher, network: NetworkBus, logger: Logger) throws {
        self.publisher = publisher
        makeSocket = {
            try ReplaySocket(
                for: network, publisher: publisher.id, epoch: publisher.epoch, log: publisher.connectionLog)
        }
        isForNetwork = true
        self.logger = logger
        wakeup = try Wakeup()
    }

    /// Serves until the task is cancelled.
    func run(bytesPerSecond: Int) async throws {
        let wakeup = self.wakeup
        let name = isForNetwork ? "arobust-replayn" : "arobust-replay"
        try await PinnedThread.run(name: name, onCancel: { wakeup.signal() }) {
            try self.serve(bytesPerSecond: bytesPerSecond)
        }
    }

    private func serve(bytesPerSecond: Int) throws {
        let socket = try makeSocket()
        let peers = ReplayPeers()
        var jobs: Deque<ReplayJob> = []
        var bucket = TokenBucket(perSecond: bytesPerSecond, burst: Self.burst)
        var allAreStuck = false
        var poller = Poller()
        let requests = socket.add(to: &poller)
        let stop = poller.add(descriptor: wakeup.descriptor)
        while !poller.isReady(stop) {
            let now = ContinuousClock.now
            let ready = max(bucket.readyTime(now: now), allAreStuck ? now + Self.unreadPause : now)
            if jobs.isEmpty {
                try poller.wait(milliseconds: -1)
            } else if ready > now {
                try poller.wait(until: ready)
            } else {
                try poller.wait(milliseconds: 0)
            }
            if poller.isReady(requests) { try takeRequests(socket, of: peers, into: &jobs) }
            guard !jobs.isEmpty, bucket.readyTime(now: .now) <= .now else { continue }
            var bytes = 0
            var stuck = 0
            while bytes < Self.bytesPerRound, stuck < jobs.count, let job = jobs.popFirst() {
                let before = bytes
                let state = try advance(job, socket, bytes: &bytes)
                stuck = bytes > before || state != .stuck ? 0 : stuck + 1
                if state == .over { continue }
                if jobs.count > Self.mostOpenJobs { job.rest() }
                jobs.append(job)
            }
            bucket.spend(bytes, now: .now)
            allAreStuck = stuck > 0 && stuck >= jobs.count
        }
        // A bridge in this process has ended before; its last cursors are here by now, or will be on the next start.
        try takeRequests(socket, of: peers, into: &jobs)
    }

    // MARK: requests

    private func takeRequests(
        _ socket: borrowing ReplaySocket, of peers: ReplayPeers, into jobs: inout Deque<ReplayJob>
    ) throws {
        for _ in 0..<Self.requestsPerRound {
            guard let message = try socket.receive() else { return }
            let route = peers.route(message.returnPath)
            guard let body = message.body else {
                try socket.refuse(
                    "a request is an empty frame and one of JSON, after a few short ones of your own", to: route)
                continue
            }
            do {
                try handle(try ControlJSON.decode(ReplayRequest.self, body), route, socket, into: &jobs)
            } catch let refusal as ControlJSON.Refusal {
                try socket.refuse("\(refusal)", to: route)
            } catch let error as JournalError {
                logger.warning("A request could not be answered.", metadata: ["error": "\(error)"])
                try socket.refuse("the journal cannot be read; the publisher's log says why", to: route)
            }
        }
    }

    private func handle(
        _ request: ReplayRequest, _ route: ReplayRoute, _ socket: borrowing ReplaySocket,
        into jobs: inout Deque<ReplayJob>
    ) throws {
        if isForNetwork, let reason = refusalToNetwork(of: request) { return try socket.refuse(reason, to: route) }
        switch request.op {
        case .replay:
            try beginJob(request, route, socket, &jobs)
        case .commit:
            guard let consumer = request.consumer else {
                return try socket.refuse("commit needs a consumer", to: route)
            }
            let account = ConsumerAccount(consumer: consumer, lanes: request.lanes ?? [], state: request.state ?? [:])
            publisher.state.recordNewest(publisher.newest)
            let refusal = publisher.state.recordAccount(
                account, epoch: publisher.epoch, now: WallClock.seconds(), places: publisher.places)
            if let refusal { return try socket.refuse(refusal, to: route) }
            try socket.send(Topic.done, ReplayAnswer.Done(), to: route)
        case .forget:
            guard let consumer = request.consumer else {
                return try socket.refuse("forget needs a consumer", to: route)
            }
            if let refusal = PublisherLedger.refusal(ofName: consumer) { return try socket.refuse(refusal, to: route) }
            guard publisher.state.forget(consumer) else {
                return try socket.refuse("there is no consumer '\(consumer)'", to: route)
            }
            logger.notice("A consumer is forgotten.", metadata: ["consumer": "\(consumer)"])
            try socket.send(Topic.done, ReplayAnswer.Done(), to: route)
        case .dump:
            guard let begin = publisher.incidentRequest.withLock(\.self) else {
                return try socket.refuse(
                    "this publisher records no incidents: an agent or collect does, unless incidents.record is false",
                    to: route)
            }
            let reason = TerminalText.line(request.reason ?? "somebody asked for it", limit: 512)
            try socket.send(Topic.done, ReplayAnswer.Begun(incident: begin(reason)), to: route)
        case .reload:
            guard let reloading = publisher.reloading.withLock(\.self) else {
                return try socket.refuse("the process of this publisher does not read its settings again", to: route)
            }
            let answer =
                request.number.map { ReplayAnswer.Reload(number: $0, result: reloading.outcome(of: $0)) }
                ?? ReplayAnswer.Reload(number: reloading.request(), result: nil)
            try socket.send(Topic.done, answer, to: route)
        case .status:
            publisher.state.recordNewest(publisher.newest)
            // Not worked out for a peer that would not get it.
            guard !route.peer.isGone, route.peer.hasRoom() else { return }
            try socket.send(Topic.status, try publisher.status(), to: route)
        }
    }

    /// Why a client of the network may not ask for this: it reads and keeps a cursor, but orders nothing, and speaks for nobody here.
    private func refusalToNetwork(of request: ReplayRequest) -> String? {
        switch request.op {
        case .replay, .status: return nil
        case .commit:
            guard let name = request.consumer, publisher.places.masters.contains(ConsumerName(name)) else { return nil }
            return "the consumer '\(name)' is a master that this agent reports to itself; take another name"
        case .forget, .dump, .reload:
            return "\(request.op.rawValue) is only for those on the publisher's own machine, over its replay.sock"
        }
    }

    private func beginJob(
        _ request: ReplayRequest, _ route: ReplayRoute, _ socket: borrowing ReplaySocket,
        _ jobs: inout Deque<ReplayJob>
    ) throws {
        guard !route.peer.isGone else { return }
        guard let dataType = request.dataType, dataType.isValid else {
            return try socket.refuse("replay needs a data_type, \(TopicWord.rule)", to: route)
        }
        guard request.credit ?? 1 > 0 else {
            return try socket.refuse("the credit must be at least 1", to: route)
        }
        guard jobs.count < Self.mostJobs, route.peer.jobs < Self.mostJobsOfPeer else {
            return try socket.refuse("\(max(route.peer.jobs, 1)) requests of yours are waiting already", to: route)
        }
        let publisher = self.publisher
        let job = try ReplayJob(
            request, dataType: dataType, route: route, publisher: publisher.state,
            newest: { publisher.newest[dataType] }, recordLosses: { publisher.recordLosses() })
        if request.after == nil {
            try socket.send(
                Topic.replayStart, ReplayAnswer.Start(dataType: dataType, after: job.start), to: route)
        }
        jobs.append(job)
    }

    // MARK: answers

    private enum JobState {
        case goesOn
        case over
        /// The peer does not read.
        case stuck

        init(_ delivery: ReplaySocket.Delivery) {
            self =
                switch delivery {
                case .sent: .goesOn
                case .stuck: .stuck
                case .gone: .over
                }
        }
    }

    /// Sends the next part of a job's answer, and adds its bytes.
    private func advance(_ job: ReplayJob, _ socket: borrowing ReplaySocket, bytes: inout Int) throws -> JobState {
        guard !job.route.peer.isGone else { return .over }
        guard job.route.peer.hasRoom() else { return .stuck }
        let step: ReplayJob.Step
        do {
            step = try job.next()
        } catch {
            logger.warning("A replay could not go on.", metadata: ["error": "\(error)"])
            try socket.refuse("the journal cannot be read; the publisher's log says why", to: job.route)
            return .over
        }
        switch step {
        case .record(let record, let after):
            return try send(record, after: after, of: job, socket, bytes: &bytes)
        case .gaps(let gaps):
            for (index, gap) in gaps.enumerated() {
                let body = ReplayAnswer.Gap(
                    dataType: job.dataType, after: gap.after, through: gap.through, count: gap.count,
                    reason: gap.reason)
                let state = JobState(try socket.send(Topic.replayGap, body, to: job.route))
                guard state == .goesOn else {
                    job.putBack(.gaps(Array(gaps[index...])))
                    return state
                }
            }
            return .goesOn
        case .end(let end):
            let delivery = try socket.send(Topic.replayEnd, end, to: job.route)
            if delivery == .stuck { job.putBack(step) }
            return delivery == .stuck ? .stuck : .over
        }
    }

    private func send(
        _ record: JournalRecord, after: LanePosition, of job: ReplayJob, _ socket: borrowing ReplaySocket,
        bytes: inout Int
    ) throws -> JobState {
        var state = JobState.goesOn
        try EnvelopeRecord.read(record.payload, first: record.first, count: Int(record.count)) { envelope in
            guard envelope.position > after else { return true }
            state = JobState(try socket.send(envelope, to: job.route))
            guard state == .goesOn else { return false }
            job.recordSent(through: envelope.position, bytes: envelope.body.count)
            bytes += envelope.body.count + EnvelopeHeader.size
            return !job.isSpent
        }
        if state == .stuck { job.putBack(.record(record, after: job.start)) }
        if state == .over {
            job.route.peer.isGone = true
            // It was read for nothing, which takes time, too.
            bytes += record.payload.count
        }
        return state
    }
}
