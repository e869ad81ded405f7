private import CZeroMQ
internal import Diagnosis
internal import Journal
internal import SystemSupport

/// The publisher's socket, its lanes and its journal's writing end: what the publisher's lock guards.
struct PublisherBus: ~Copyable {
    /// Each data type is a lane, which every beat lists and every consumer keeps an account of.
    private static let mostLanes = 256
    /// A longer greeting is not answered.
    private static let longestHello = 128
    /// In bytes, of all consumers together: while libzmq holds more, large envelopes aren't sent. Consumers have them replayed.
    static let mostQueued = 64 << 20

    private let socket: ZMQSocket
    /// The socket for clients of the network, if there are to be some.
    private let network: NetworkPublisher?
    private let publisher: PublisherID
    private let epoch: UInt64
    private let journal: Journal
    /// The newest position of each lane, also of lanes that have had nothing in this run.
    private(set) var newest: [DiagnosisDataType: LanePosition]
    /// How many bytes of envelopes' bodies each lane has had in this run.
    private(set) var publishedBytes: [DiagnosisDataType: UInt64] = [:]
    /// What libzmq holds for consumers that don't read.
    private let queued = QueuedBytes()
    /// Where each header is written before libzmq copies it.
    private let headerFrame = UnsafeMutableRawBufferPointer.allocate(
        byteCount: EnvelopeHeader.size + MetricOrigin.largest, alignment: 8)

    init(
        socket: consuming ZMQSocket, network: NetworkPublisher? = nil, publisher: PublisherID, epoch: UInt64,
        journal: Journal,
        newest: [DiagnosisDataType: LanePosition]
    ) {
        self.socket = socket
        self.network = network
        self.publisher = publisher
        self.epoch = epoch
        self.journal = journal
        self.newest = newest
    }

    deinit {
        headerFrame.deallocate()
    }

    /// Journals the requests as one group and then sends them, numbered. While the journal can't be written, those that need it are
    /// refused, and the others are sent as volatile.
    mutating func publish(_ requests: [PublishRequest]) -> PublishOutcome {
        var outcome = PublishOutcome(failures: requests.map { checkLanes($0.metrics) })
        let now = WallClock.nanoseconds()
        do throws(JournalError) {
            outcome.losses = try journal.append(records(of: requests, outcome, publishTime: now))
            send(requests, &outcome, publishTime: now, flags: 0)
        } catch {
            outcome.journalError = error
            let refusal = ReportError(code: .storage, message: "\(error)")
            for index in requests.indices where requests[index].needsJournal {
                outcome.failures[index] = outcome.failures[index] ?? refusal
            }
            send(requests, &outcome, publishTime: now, flags: EnvelopeHeader.Flag.volatile)
        }
        greetConsumers()
        return outcome
    }

    /// A lane's newest position in this run.
    private func last(_ dataType: DiagnosisDataType) -> LanePosition {
        newest[dataType].flatMap { $0.epoch == epoch ? $0 : nil } ?? LanePosition(epoch: epoch, sequence: 0)
    }

    private func records(
        of requests: [PublishRequest], _ outcome: borrowing PublishOutcome, publishTime: UInt64
    ) -> [JournalRecord] {
        var records: [JournalRecord] = []
        var next: [DiagnosisDataType: LanePosition] = [:]
        for (index, request) in requests.enumerated() where outcome.failures[index] == nil {
            // The position goes with the request's last record: one write has all of them or none.
            for (place, dataType) in request.metrics.dataTypes.enumerated() {
                var first = next[dataType] ?? last(dataType)
                first.sequence += 1
                let isLast = place == request.metrics.dataTypes.count - 1
                let record = request.metrics.record(
                    of: dataType, first: first, publishTime: publishTime, source: isLast ? request.position : nil)
                next[dataType] = record.last
                records.append(record)
            }
        }
        return records
    }

    private mutating func send(
        _ requests: [PublishRequest], _ outcome: inout PublishOutcome, publishTime: UInt64, flags: UInt8
    ) {
        let before = newest
        for (index, request) in requests.enumerated() where outcome.failures[index] == nil {
            outcome.failures[index] = send(request.metrics, publishTime: publishTime, flags: flags)
        }
        // A consumer that takes all types learns of a new one from the beat.
        if newest.count > before.count { sendBeat(topic: Topic.beat) }
        guard flags & EnvelopeHeader.Flag.volatile != 0 else { return }
        for (dataType, last) in newest where before[dataType] != last {
            let first = before[dataType].flatMap { $0.epoch == epoch ? $0.sequence : nil } ?? 0
            outcome.volatile.append(
                (dataType.rawValue, SequenceRange(epoch: epoch, first: first + 1, last: last.sequence)))
        }
    }

    private mutating func send(_ metrics: EncodedMetrics, publishTime: UInt64, flags: UInt8) -> ReportError? {
        var bodyStart = 0
        var lane: (type: DiagnosisDataType, last: LanePosition, bytes: Int)?
        defer {
            if let lane {
                newest[lane.type] = lane.last
                publishedBytes[lane.type, default: 0] &+= UInt64(lane.bytes)
            }
        }
        for item in metrics.items {
            if let current = lane, current.type != item.dataType {
                newest[current.type] = current.last
                publishedBytes[current.type, default: 0] &+= UInt64(current.bytes)
                lane = nil
            }
            var position = lane?.last ?? last(item.dataType)
            position.sequence += 1
            let header = EnvelopeHeader(
                flags: flags | (item.isShed ? EnvelopeHeader.Flag.shed : 0), extensionLength: item.originLength,
                publisher: publisher, epoch: epoch, sequence: position.sequence,
                collectionTime: item.collectionTime, publishTime: publishTime)
            lane = (item.dataType, position, (lane?.bytes ?? 0) + item.bodyEnd - bodyStart - item.originLength)
            do throws(ZMQError) {
                // What only the bus has may take twice the room, so that one that doesn't read costs the others nothing.
                let limit = flags & EnvelopeHeader.Flag.volatile != 0 ? 2 * Self.mostQueued : Self.mostQueued
                let (topic, range) = (metrics.topics[item.topic], bodyStart..<item.bodyEnd)
                if let network, network.isHeard, network.queued.hasRoom(for: range.count, limit: limit) {
                    try? send(topic: topic, header, metrics.bodies, range, over: network.socket, network.queued)
                }
                if queued.hasRoom(for: range.count, limit: limit) {
                    try send(topic: topic, header, metrics.bodies, range, over: socket, queued)
                }
            } catch {
                // An XPUB socket refuses nothing while its context lives. What the journal has, consumers can still ask for.
                if flags & EnvelopeHeader.Flag.volatile != 0 { return ReportError(code: .closed, message: "\(error)") }
            }
            bodyStart = item.bodyEnd
        }
        return nil
    }

    /// Refuses a data type beyond the limit: a program that makes up names would fill everybody's memory with lanes.
    private func checkLanes(_ metrics: EncodedMetrics) -> ReportError? {
        guard newest.count + metrics.dataTypes.count > Self.mostLanes else { return nil }
        let new = metrics.dataTypes.filter { newest[$0] == nil }
        guard newest.count + new.count > Self.mostLanes, let one = new.first else { return nil }
        return ReportError(
            code: .refused,
            message: "the data type '\(one)' is one too many: a publisher takes \(Self.mostLanes)")
    }

    /// Answers every new `$hello/` subscription with a beat under its own topic. Must be called after anything that used the socket:
    /// sending may consume the event that would have woken the thread that waits for subscriptions.
    mutating func greetConsumers() {
        while let message = try? socket.receiveMessage() {
            guard let topic = message.first.flatMap(Self.greeting) else { continue }
            sendBeat(topic: topic, toNetwork: false)
        }
        while let frame = network?.nextSubscription() {
            guard let topic = Self.greeting(in: frame) else { continue }
            sendBeat(topic: topic, toMachine: false)
        }
    }

    /// The topic under which a new subscription asks for a beat.
    private static func greeting(in frame: [UInt8]) -> [UInt8]? {
        guard frame.first == 1, frame.count <= longestHello, frame.dropFirst().starts(with: Topic.hello) else {
            return nil
        }
        return Array(frame.dropFirst())
    }

    /// Sends a beat to everybody.
    mutating func beat() {
        sendBeat(topic: Topic.beat)
        greetConsumers()
    }

    private func sendBeat(topic: [UInt8], toMachine: Bool = true, toNetwork: Bool = true) {
        let lanes = newest.sorted { $0.key.rawValue < $1.key.rawValue }.map { type, last in
            Beat.LaneRange(
                dataType: type, first: journal.lane(type.rawValue)?.first, last: last)
        }
        let body = Beat(lanes: lanes).encode()
        let header = EnvelopeHeader(
            publisher: publisher, epoch: epoch, sequence: 0, collectionTime: WallClock.seconds(),
            publishTime: WallClock.nanoseconds())
        // As for envelopes. A beat that is lost is followed by the next.
        if toMachine { try? send(topic: topic, header, body, 0..<body.count, over: socket, queued) }
        if toNetwork, let network, network.isHeard {
            try? send(topic: topic, header, body, 0..<body.count, over: network.socket, network.queued)
        }
    }

    /// - Parameter range: of the extension and the body behind it.
    private func send(
        topic: [UInt8], _ header: EnvelopeHeader, _ bodies: [UInt8], _ range: Range<Int>,
        over socket: borrowing ZMQSocket, _ queued: QueuedBytes
    ) throws(ZMQError) {
        header.write(to: headerFrame)
        let bodyStart = range.lowerBound + header.extensionLength
        bodies.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: headerFrame[EnvelopeHeader.size...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range.lowerBound..<bodyStart]))
        }
        let frameLength = EnvelopeHeader.size + header.extensionLength
        _ = try topic.withUnsafeBufferPointer { frame throws(ZMQError) in
            try socket.send(UnsafeRawBufferPointer(frame), more: true)
        }
        _ = try socket.send(UnsafeRawBufferPointer(rebasing: headerFrame[..<frameLength]), more: true)
        _ = try bodies.withUnsafeBufferPointer { frame throws(ZMQError) in
            try socket.send(
                UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: frame[bodyStart..<range.upperBound])), more: false,
                countedBy: queued)
        }
    }
}

extension ZMQSocket {
    /// How often a consumer is pinged, and how long its answer may take, in milliseconds. One that is stopped, or whose reader is blocked
    /// for so long, is disconnected and loses what is queued for it. It connects again when it goes on.
    private static var heartbeat: (interval: Int32, timeout: Int32) { (5000, 10_000) }

    /// Options of the publishing socket.
    func setUpPublishing(_ configuration: PublisherConfiguration) throws(ZMQError) {
        try set(ZMQ_LINGER, Int32(clamping: Int64(configuration.linger / .milliseconds(1))))
        try set(ZMQ_SNDHWM, configuration.highWaterMark)
        try receiveWithoutMark()
        try set(ZMQ_HEARTBEAT_IVL, Self.heartbeat.interval)
        try set(ZMQ_HEARTBEAT_TIMEOUT, Self.heartbeat.timeout)
        try set(ZMQ_MAXMSGSIZE, Self.largestSubscription)
    }

    /// Largest message that a consumer may send to an XPUB socket: a subscription.
    private static var largestSubscription: Int64 { 4096 }
}

extension GuardedListener.Limits {
    /// A consumer only subscribes. libzmq keeps what all of them have subscribed to in a tree that takes up to a kilobyte for each byte.
    static var publishing: GuardedListener.Limits {
        GuardedListener.Limits(message: 8 << 10, subscriptions: true, lifetime: 64 << 10, together: 512 << 10)
    }
}
