internal import DequeModule
internal import Diagnosis
internal import Journal
internal import Logging
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
    private let context: ZMQContext
    private let logger: Logger
    private let wakeup: Wakeup

    init(publisher: MetricPublisher, context: ZMQContext, logger: Logger) throws {
        self.publisher = publisher
        self.context = context
        self.logger = logger
        wakeup = try Wakeup()
    }

    /// Serves until the task is cancelled.
    func run(bytesPerSecond: Int) async throws {
        let wakeup = self.wakeup
        try await PinnedThread.run(name: "arobust-replay", onCancel: { wakeup.signal() }) {
            try self.serve(bytesPerSecond: bytesPerSecond)
        }
    }

    private func serve(bytesPerSecond: Int) throws {
        let socket = try ReplaySocket(
            in: publisher.directory, publisher: publisher.id, epoch: publisher.epoch, context: context)
        var jobs: Deque<ReplayJob> = []
        var bucket = TokenBucket(perSecond: bytesPerSecond, burst: Self.burst)
        var allAreStuck = false
        var poller = Poller()
        let requests = poller.add(socket.socket)
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
            if poller.isReady(requests) { try takeRequests(socket, into: &jobs) }
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
        try takeRequests(socket, into: &jobs)
    }

    // MARK: requests

    private func takeRequests(_ socket: borrowing ReplaySocket, into jobs: inout Deque<ReplayJob>) throws {
        for _ in 0..<Self.requestsPerRound {
            guard let message = try socket.receive() else { return }
            let returnPath = message.returnPath
            guard let body = message.body else {
                try socket.refuse(
                    "a request is an empty frame and one of JSON, after any of your own", to: returnPath)
                continue
            }
            do {
                let request = try ControlJSON.decode(ReplayRequest.self, body)
                try handle(request, returnPath, socket, into: &jobs)
            } catch {
                try socket.refuse("\(error)", to: returnPath)
            }
        }
    }

    private func handle(
        _ request: ReplayRequest, _ returnPath: [[UInt8]], _ socket: borrowing ReplaySocket,
        into jobs: inout Deque<ReplayJob>
    ) throws {
        switch request.op {
        case .replay:
            try beginJob(request, returnPath, socket, &jobs)
        case .commit:
            guard let consumer = request.consumer else {
                return try socket.refuse("commit needs a consumer", to: returnPath)
            }
            let account = ConsumerAccount(consumer: consumer, lanes: request.lanes ?? [], state: request.state ?? [:])
            let epoch = publisher.epoch
            publisher.state.recordNewest(publisher.newest)
            let refusal = publisher.state.withLedger {
                $0.recordAccount(account, epoch: epoch, now: WallClock.seconds())
            }
            if let refusal { return try socket.refuse(refusal, to: returnPath) }
            try socket.send(Topic.done, ReplayAnswer.Done(), to: returnPath)
        case .forget:
            guard let consumer = request.consumer else {
                return try socket.refuse("forget needs a consumer", to: returnPath)
            }
            guard publisher.state.withLedger({ $0.forget(consumer) }) else {
                return try socket.refuse("there is no consumer '\(consumer)'", to: returnPath)
            }
            logger.notice("A consumer is forgotten.", metadata: ["consumer": "\(consumer)"])
            try socket.send(Topic.done, ReplayAnswer.Done(), to: returnPath)
        case .status:
            publisher.state.recordNewest(publisher.newest)
            try socket.send(Topic.status, try publisher.state.status(), to: returnPath)
        }
    }

    private func beginJob(
        _ request: ReplayRequest, _ returnPath: [[UInt8]], _ socket: borrowing ReplaySocket,
        _ jobs: inout Deque<ReplayJob>
    ) throws {
        guard let dataType = request.dataType, dataType.isValid else {
            return try socket.refuse("replay needs a data_type", to: returnPath)
        }
        guard request.credit ?? 1 > 0 else {
            return try socket.refuse("the credit must be at least 1", to: returnPath)
        }
        let ofPeer = jobs.count { $0.returnPath.first == returnPath.first }
        guard jobs.count < Self.mostJobs, ofPeer < Self.mostJobsOfPeer else {
            return try socket.refuse("\(max(ofPeer, 1)) requests of yours are waiting already", to: returnPath)
        }
        let publisher = self.publisher
        let job = try ReplayJob(
            request, dataType: dataType, returnPath: returnPath, publisher: publisher.state,
            newest: { publisher.newest[dataType] }, recordLosses: { publisher.recordLosses() })
        if request.after == nil {
            try socket.send(
                Topic.replayStart, ReplayAnswer.Start(dataType: dataType, after: job.start), to: returnPath)
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
        let step: ReplayJob.Step
        do {
            step = try job.next()
        } catch {
            try socket.refuse("\(error)", to: job.returnPath)
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
                let state = JobState(try socket.send(Topic.replayGap, body, to: job.returnPath))
                guard state == .goesOn else {
                    job.putBack(.gaps(Array(gaps[index...])))
                    return state
                }
            }
            return .goesOn
        case .end(let end):
            let delivery = try socket.send(Topic.replayEnd, end, to: job.returnPath)
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
            state = JobState(try socket.send(envelope, to: job.returnPath))
            guard state == .goesOn else { return false }
            job.recordSent(through: envelope.position, bytes: envelope.body.count)
            bytes += envelope.body.count + EnvelopeHeader.size
            return !job.isSpent
        }
        if state == .stuck { job.putBack(.record(record, after: job.start)) }
        return state
    }
}
