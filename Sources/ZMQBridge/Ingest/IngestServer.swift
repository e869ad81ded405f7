private import CZeroMQ
private import Glibc
internal import Diagnosis
internal import Logging
package import SystemSupport

/// Lets other programs of the node publish: over a ROUTER that answers, or a PULL that doesn't.
///
/// `docs/wire-format.md`, "Ingest". Requests are read in batches, published together, and then answered.
package final class IngestServer: Sendable {
    /// In bytes: a larger frame, or frames of one message that are larger together, end their sender's connection.
    static let largestFrame = 16 << 20
    static let largestMessage = 32 << 20
    /// In bytes, at each of the two sockets: requests that have come and are not read yet. Senders wait beyond that.
    private static let mostUnread = 64 << 20
    private static let messagesPerRound = 256
    private static let bytesPerRound = 8 << 20

    private let publisher: MetricPublisher
    private let node: NodeIdentity
    private let context: ZMQContext
    private let logger: Logger
    private let wakeup: Wakeup
    /// Has begun when both sockets are there.
    package let workingPart = WorkingPart("the sockets for other programs", .once)

    init(publisher: MetricPublisher, node: NodeIdentity, context: ZMQContext, logger: Logger) throws {
        self.publisher = publisher
        self.node = node
        self.context = context
        self.logger = logger
        wakeup = try Wakeup()
    }

    /// Serves until the task is cancelled, and then for one more round. A request that is not answered may be sent again.
    package func run() async throws {
        let wakeup = self.wakeup
        try await PinnedThread.run(name: "arobust-ingest", onCancel: { wakeup.signal() }) { try self.serve() }
    }

    private func serve() throws {
        let answered = try bind(.router, at: publisher.directory.ingestSocket)
        let unanswered = try bind(.pull, at: publisher.directory.pushSocket)
        var poller = Poller()
        _ = poller.add(answered.socket)
        _ = poller.add(unanswered.socket)
        let stop = poller.add(descriptor: wakeup.descriptor)
        workingPart.turn()
        while !poller.isReady(stop) {
            try poller.wait(milliseconds: -1)
            try takeRequests(from: answered, isAnswered: true)
            try takeRequests(from: unanswered, isAnswered: false)
        }
    }

    private func bind(_ kind: ZMQSocket.Kind, at path: String) throws -> RequestSocket {
        try RequestSocket(
            kind, at: path, in: publisher.directory, context: context, log: publisher.connectionLog,
            largestFrame: Self.largestFrame,
            limits: GuardedListener.Limits(message: Self.largestMessage, unread: Self.mostUnread)
        ) { socket throws(ZMQError) in
            try socket.set(ZMQ_LINGER, Int32(500))
            try socket.set(ZMQ_SNDHWM, Int32(128))
            // A peer that has gone, or was stopped, makes room for another.
            try socket.set(ZMQ_HEARTBEAT_IVL, Int32(5000))
            try socket.set(ZMQ_HEARTBEAT_TIMEOUT, Int32(10_000))
        }
    }

    /// Takes the requests that are there, up to a bound, so that a busy sender can't keep the others waiting. They are journaled as one
    /// group, and each is accepted or refused by itself.
    private func takeRequests(from socket: borrowing RequestSocket, isAnswered: Bool) throws {
        var requests: [[GivenMetric]] = []
        var answers: [(returnPath: [[UInt8]], answer: IngestAnswer)] = []
        var bytes = 0
        while requests.count < Self.messagesPerRound, bytes < Self.bytesPerRound,
            let message = try socket.receive()
        {
            bytes += GuardedListener.size(of: message)
            let request = IngestRequest(message: message, isAnswered: isAnswered)
            guard RequestSocket.isUsable(request.returnPath) else { continue }
            let (taken, refused) = request.read(node: node)
            requests.append(taken)
            answers.append((request.returnPath, IngestAnswer(accepted: taken.count, refused: refused)))
        }
        guard !requests.isEmpty else { return }
        let (failures, isVolatile) = publisher.publish(requests)
        for (index, failure) in failures.enumerated() {
            if let failure {
                answers[index].answer = answers[index].answer.refusingAll("\(failure)")
            } else if isVolatile, answers[index].answer.accepted > 0 {
                answers[index].answer.volatile = true
            }
        }
        for (returnPath, answer) in answers {
            if isAnswered {
                // A peer that left or doesn't read gets no answer: ROUTER drops it.
                try socket.send(answer.encode(), to: returnPath)
            }
        }
        if !isAnswered { logRefusals(answers.flatMap { $0.answer.refused }) }
    }

    /// A refused push gets no answer, so the log tells of it: one line for all of a round.
    private func logRefusals(_ refused: [IngestAnswer.Refusal]) {
        guard let first = refused.first else { return }
        logger.warning(
            "Metrics that were pushed were refused.",
            metadata: ["metrics": "\(refused.count)", "first-reason": "\(first.reason)"])
    }
}

extension IngestAnswer {
    fileprivate func refusingAll(_ reason: String) -> IngestAnswer {
        IngestAnswer(
            accepted: 0, refused: (0..<(accepted + refused.count)).map { Refusal(index: $0, reason: reason) })
    }
}
