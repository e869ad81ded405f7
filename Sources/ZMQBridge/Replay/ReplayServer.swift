private import CZeroMQ
private import Glibc
internal import DequeModule
internal import Diagnosis
internal import Journal
internal import Logging
internal import SystemSupport

/// Gives consumers again what they missed, takes their cursors, and says how things are: a ROUTER beside the PUB socket.
///
/// `docs/wire-format.md`, "Replay". A request has a credit; when it is used up the answer ends, and the consumer asks anew. So a
/// consumer that does not read costs no more memory than its credit, and nothing is remembered of any. Requests are served in turn,
/// a record each, on a thread of its own, with a bound on bytes a second.
final class ReplayServer: Sendable {
    private static let largestFrame: Int64 = 4 << 20
    private static let mostJobs = 4096
    private static let mostJobsOfPeer = 300
    /// Messages that may wait for a peer to read them.
    private static let mostUnread: Int32 = 128
    /// How long to leave peers alone of which none reads, in milliseconds.
    private static let unreadPause = 10
    /// Beyond, jobs whose turn is over close their file.
    private static let mostOpenJobs = 16
    private static let requestsPerRound = 64
    /// A record is read whole; how many bytes go out between two looks at the sockets.
    private static let bytesPerRound = 1 << 20
    private static let heartbeat: (interval: Int32, timeout: Int32) = (5000, 10_000)

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
        let socket = try bind()
        var jobs: Deque<ReplayJob> = []
        var pace = Pace(perSecond: bytesPerSecond, now: .now)
        var allAreStuck = false
        var poller = Poller()
        let requests = poller.add(socket)
        let stop = poller.add(descriptor: wakeup.descriptor)
        while !poller.isReady(stop) {
            let pause = jobs.isEmpty ? -1 : max(pace.pause(now: .now), allAreStuck ? Self.unreadPause : 0)
            try poller.wait(milliseconds: pause)
            if poller.isReady(requests) { try takeRequests(socket, into: &jobs) }
            guard !jobs.isEmpty, pace.pause(now: .now) == 0 else { continue }
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
            pace.spend(bytes)
            allAreStuck = stuck > 0 && stuck >= jobs.count
        }
        // A bridge in this process has ended before; its last cursors are here by now, or will be on the next start.
        try takeRequests(socket, into: &jobs)
    }

    private func bind() throws -> ZMQSocket {
        let path = publisher.directory.replaySocket
        let socket = try ZMQSocket(.router, in: context)
        try socket.set(ZMQ_LINGER, Int32(0))
        // A peer that does not read is told from one that is gone, and neither has more than this waiting for it.
        try socket.set(ZMQ_ROUTER_MANDATORY, Int32(1))
        try socket.set(ZMQ_SNDHWM, Self.mostUnread)
        try socket.set(ZMQ_RCVHWM, Int32(64))
        try socket.set(ZMQ_MAXMSGSIZE, Self.largestFrame)
        try socket.set(ZMQ_HEARTBEAT_IVL, Self.heartbeat.interval)
        try socket.set(ZMQ_HEARTBEAT_TIMEOUT, Self.heartbeat.timeout)
        try publisher.directory.removeStaleSocket(at: path)
        try socket.bind("ipc://" + path)
        try publisher.directory.openSocket(at: path)
        return socket
    }

    // MARK: requests

    private func takeRequests(_ socket: borrowing ZMQSocket, into jobs: inout Deque<ReplayJob>) throws {
        for _ in 0..<Self.requestsPerRound {
            guard let message = try socket.receiveMessage() else { return }
            guard let delimiter = message.dropFirst().firstIndex(where: \.isEmpty), delimiter + 2 == message.count
            else {
                try fail(
                    socket, Array(message.prefix(1)) + [[]],
                    "a request is an empty frame and one of JSON, after any of your own")
                continue
            }
            let returnPath = Array(message[...delimiter])
            do {
                let request = try ControlJSON.decode(ReplayRequest.self, message[delimiter + 1])
                try take(request, returnPath, socket, into: &jobs)
            } catch {
                try fail(socket, returnPath, "\(error)")
            }
        }
    }

    private func take(
        _ request: ReplayRequest, _ returnPath: [[UInt8]], _ socket: borrowing ZMQSocket,
        into jobs: inout Deque<ReplayJob>
    ) throws {
        switch request.op {
        case .replay:
            guard let dataType = request.dataType, dataType.isValid else {
                return try fail(socket, returnPath, "replay needs a data_type")
            }
            guard request.credit ?? 1 > 0 else {
                return try fail(socket, returnPath, "the credit must be at least 1")
            }
            let ofPeer = jobs.count { $0.returnPath.first == returnPath.first }
            guard jobs.count < Self.mostJobs, ofPeer < Self.mostJobsOfPeer else {
                return try fail(socket, returnPath, "\(max(ofPeer, 1)) requests of yours are waiting already")
            }
            let publisher = self.publisher
            let job = try ReplayJob(
                request, dataType: dataType, returnPath: returnPath, books: publisher.books,
                newest: { publisher.newest[dataType] }, enterLosses: { publisher.enterLosses() })
            if request.after == nil {
                try say(
                    socket, returnPath, Topic.replayStart, ReplayAnswer.Start(dataType: dataType, after: job.start))
            }
            jobs.append(job)
        case .commit:
            guard let consumer = request.consumer else {
                return try fail(socket, returnPath, "commit needs a consumer")
            }
            let account = ConsumerAccount(consumer: consumer, lanes: request.lanes ?? [], state: request.state ?? [:])
            let epoch = publisher.epoch
            publisher.books.note(publisher.newest)
            let refusal = publisher.books.withLedger { $0.take(account, epoch: epoch, now: WallClock.seconds()) }
            if let refusal { return try fail(socket, returnPath, refusal) }
            try say(socket, returnPath, Topic.done, ReplayAnswer.Done())
        case .forget:
            guard let consumer = request.consumer else {
                return try fail(socket, returnPath, "forget needs a consumer")
            }
            guard publisher.books.withLedger({ $0.forget(consumer) }) else {
                return try fail(socket, returnPath, "there is no consumer '\(consumer)'")
            }
            logger.notice("A consumer is forgotten.", metadata: ["consumer": "\(consumer)"])
            try say(socket, returnPath, Topic.done, ReplayAnswer.Done())
        case .status:
            publisher.books.note(publisher.newest)
            try say(socket, returnPath, Topic.status, try publisher.books.status())
        }
    }

    // MARK: answers

    private enum JobState {
        case goesOn
        case over
        /// The peer does not read.
        case stuck
    }

    /// Sends what comes next of a job, and adds how many bytes that was.
    private func advance(_ job: ReplayJob, _ socket: borrowing ZMQSocket, bytes: inout Int) throws -> JobState {
        let step: ReplayJob.Step
        do {
            step = try job.next()
        } catch {
            try fail(socket, job.returnPath, "\(error)")
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
                let state = try deliver(socket, job.returnPath, Topic.replayGap, body)
                guard state == .goesOn else {
                    job.takeBack(.gaps(Array(gaps[index...])))
                    return state
                }
            }
            return .goesOn
        case .end(let end):
            let state = try deliver(socket, job.returnPath, Topic.replayEnd, end)
            if state == .stuck { job.takeBack(step) }
            return state == .stuck ? .stuck : .over
        }
    }

    private func send(
        _ record: JournalRecord, after: LanePosition, of job: ReplayJob, _ socket: borrowing ZMQSocket,
        bytes: inout Int
    ) throws -> JobState {
        var state = JobState.goesOn
        let first = LanePosition(record.first)
        var headerFrame = [UInt8](repeating: 0, count: EnvelopeHeader.size)
        try EnvelopeRecord.read(record.payload, first: first, count: Int(record.count)) { envelope in
            guard envelope.position > after else { return true }
            let header = EnvelopeHeader(
                publisher: publisher.id, epoch: envelope.position.epoch, sequence: envelope.position.sequence,
                collectionTime: envelope.collectionTime, publishTime: envelope.publishTime)
            headerFrame.withUnsafeMutableBytes { header.write(to: $0) }
            state = try open(socket, job.returnPath)
            guard state == .goesOn else { return false }
            try sendFrame(socket, envelope.topic, more: true)
            try sendFrame(socket, headerFrame[...], more: true)
            try sendFrame(socket, envelope.body, more: false)
            job.sent(through: envelope.position, bytes: envelope.body.count)
            bytes += envelope.body.count + EnvelopeHeader.size
            return !job.isSpent
        }
        if state == .stuck { job.takeBack(.record(record, after: job.start)) }
        return state
    }

    /// Begins a message to a peer, if it can take one.
    private func open(_ socket: borrowing ZMQSocket, _ returnPath: [[UInt8]]) throws(ZMQError) -> JobState {
        for (index, frame) in returnPath.enumerated() {
            do throws(ZMQError) {
                // Only the first frame, the peer's identity, can be refused.
                guard try sendFrame(socket, frame[...], more: true) || index > 0 else { return .stuck }
            } catch {
                guard error.code == EHOSTUNREACH else { throw error }
                return .over
            }
        }
        return .goesOn
    }

    @discardableResult
    private func sendFrame(_ socket: borrowing ZMQSocket, _ frame: ArraySlice<UInt8>, more: Bool) throws(ZMQError)
        -> Bool
    {
        try frame.withUnsafeBufferPointer { bytes throws(ZMQError) in
            try socket.send(UnsafeRawBufferPointer(bytes), more: more)
        }
    }

    private func deliver(
        _ socket: borrowing ZMQSocket, _ returnPath: [[UInt8]], _ topic: [UInt8], _ body: some Encodable
    ) throws -> JobState {
        let state = try open(socket, returnPath)
        guard state == .goesOn else { return state }
        let header = EnvelopeHeader(
            publisher: publisher.id, epoch: publisher.epoch, sequence: 0, collectionTime: WallClock.seconds(),
            publishTime: WallClock.nanoseconds())
        var headerFrame = [UInt8](repeating: 0, count: EnvelopeHeader.size)
        headerFrame.withUnsafeMutableBytes { header.write(to: $0) }
        _ = try socket.send([topic, headerFrame, ControlJSON.encode(body)])
        return .goesOn
    }

    /// Answers at once; a peer that does not read its answers gets none.
    private func say(
        _ socket: borrowing ZMQSocket, _ returnPath: [[UInt8]], _ topic: [UInt8], _ body: some Encodable
    ) throws {
        _ = try deliver(socket, returnPath, topic, body)
    }

    private func fail(_ socket: borrowing ZMQSocket, _ returnPath: [[UInt8]], _ reason: String) throws {
        try say(socket, returnPath, Topic.error, ReplayAnswer.Failure(error: reason))
    }
}
