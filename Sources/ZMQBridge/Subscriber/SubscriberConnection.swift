private import CZeroMQ
internal import Diagnosis
internal import Logging

/// One SUB socket, connected to one publisher. Lives and dies on the subscriber's thread.
final class SubscriberConnection {
    private static let messagesPerDrain = 4096

    let socket: ZMQSocket
    private(set) var status: SubscriberStatus.Connection
    private(set) var received: UInt64 = 0
    private(set) var missing: UInt64 = 0
    private(set) var malformed: UInt64 = 0
    private(set) var newerVersion: UInt64 = 0
    private(set) var repeated: UInt64 = 0

    private let dataTypes: Set<DiagnosisDataType>
    private let batchBytes: Int
    private let logger: Logger
    private var tracker = SequenceTracker()
    /// That of the last beat.
    private var epoch: UInt64 = 0
    private var builder = BatchBuilder()
    private var gaps: [SequenceGap] = []
    private var topics: [[UInt8]: KnownTopic] = [:]
    private var lastTopic: (bytes: [UInt8], known: KnownTopic)?
    private var topicFrame = ZMQFrame()
    private var headerFrame = ZMQFrame()
    private var bodyFrame = ZMQFrame()

    private struct KnownTopic {
        var topic: Topic
        var lane: Int
    }

    /// When the publisher last gave a sign of life, and whether the log has said that it is silent.
    private var lastHeard = ContinuousClock.now
    private var isSilent = false

    init(
        to endpoint: BusEndpoint, configuration: SubscriberConfiguration, context: ZMQContext, logger: Logger
    ) throws {
        socket = try ZMQSocket(.subscribe, in: context)
        status = SubscriberStatus.Connection(endpoint: endpoint)
        dataTypes = configuration.dataTypes
        batchBytes = configuration.batchBytes
        self.logger = logger
        try socket.set(ZMQ_LINGER, Int32(0))
        try socket.set(ZMQ_RCVHWM, Int32(1000))
        try socket.set(ZMQ_MAXMSGSIZE, Int64(configuration.largestFrame))
        try socket.set(ZMQ_RECONNECT_IVL_MAX, Int32(1000))
        for prefix in dataTypes.isEmpty ? [[]] : dataTypes.map(Topic.prefix(for:)) {
            try socket.set(ZMQ_SUBSCRIBE, prefix)
        }
        try socket.set(ZMQ_SUBSCRIBE, Topic.beat)
        try socket.set(ZMQ_SUBSCRIBE, Topic.hello + Array(PublisherID().description.utf8))
        try socket.connect(endpoint.address)
    }

    /// Says once that nothing has come for so long, and why that may be.
    func noteSilence(longerThan patience: Duration) {
        guard !isSilent, lastHeard.duration(to: .now) > patience else { return }
        isSilent = true
        let endpoint: Logger.MetadataValue = "\(status.endpoint)"
        if let reason = status.endpoint.obstacle {
            logger.error("A publisher cannot be reached.", metadata: ["endpoint": endpoint, "reason": "\(reason)"])
        } else if status.publisher == nil {
            logger.notice("Waiting for a publisher.", metadata: ["endpoint": endpoint])
        } else {
            logger.warning("The publisher is silent; waiting for it.", metadata: ["endpoint": endpoint])
        }
    }

    private func noteSignOfLife() {
        lastHeard = .now
        guard isSilent else { return }
        isSilent = false
        if status.publisher != nil {
            logger.notice("The publisher is heard again.", metadata: ["endpoint": "\(status.endpoint)"])
        }
    }

    /// Takes what has arrived, up to a bound.
    func drain() throws(ZMQError) -> SubscriberDelivery {
        noteSignOfLife()
        var messages = 0
        while messages < Self.messagesPerDrain, builder.byteCount < batchBytes, try socket.receive(into: &topicFrame) {
            try takeMessage()
            messages += 1
        }
        defer { gaps = [] }
        return SubscriberDelivery(batches: builder.takeBatches(), gaps: gaps)
    }

    private func takeMessage() throws(ZMQError) {
        guard topicFrame.hasMore, try socket.receive(into: &headerFrame), headerFrame.hasMore,
            try socket.receive(into: &bodyFrame)
        else {
            malformed += 1
            return
        }
        guard !bodyFrame.hasMore else {
            malformed += 1
            while bodyFrame.hasMore, try socket.receive(into: &bodyFrame) {}
            return
        }
        do throws(EnvelopeHeader.DecodingError) {
            let header = try headerFrame.withBytes { bytes throws(EnvelopeHeader.DecodingError) in
                try EnvelopeHeader(reading: bytes)
            }
            let isControl = topicFrame.withBytes { $0.first == Topic.control }
            if isControl { takeBeat(header) } else { takeEnvelope(header) }
        } catch {
            if case .newerVersion = error { newerVersion += 1 } else { malformed += 1 }
        }
    }

    private func takeEnvelope(_ header: EnvelopeHeader) {
        guard let known = knownTopic(of: header.publisher) else {
            malformed += 1
            return
        }
        switch tracker.observe(lane: known.lane, epoch: header.epoch, sequence: header.sequence) {
        case .expected: break
        case .old:
            repeated += 1
            return
        case .after(let epoch, let range):
            note(SequenceGap(lane: lane(known.topic.dataType), epoch: epoch, sequences: range))
        }
        received += 1
        bodyFrame.withBytes { builder.append(header, topic: known.topic, body: $0) }
    }

    private func takeBeat(_ header: EnvelopeHeader) {
        guard let beat = bodyFrame.withBytes({ Beat($0) }) else {
            malformed += 1
            return
        }
        meet(header.publisher)
        if header.epoch > epoch {
            if epoch > 0 {
                logger.notice(
                    "The publisher has been restarted.",
                    metadata: ["endpoint": "\(status.endpoint)", "epoch": "\(header.epoch)"])
            }
            epoch = header.epoch
        }
        let dataTypes = self.dataTypes
        let missing = tracker.observe(beat, epoch: header.epoch) { dataTypes.isEmpty || dataTypes.contains($0) }
        for (dataType, epoch, range) in missing {
            note(SequenceGap(lane: lane(dataType), epoch: epoch, sequences: range))
        }
        // Not the highest ever seen: the clock may have been set back.
        status.lastBeat = header.publishTime
    }

    private func note(_ gap: SequenceGap) {
        let (sum, isTooLarge) = missing.addingReportingOverflow(gap.count)
        missing = isTooLarge ? .max : sum
        gaps.append(gap)
    }

    private func lane(_ dataType: DiagnosisDataType) -> Lane {
        Lane(publisher: status.publisher ?? PublisherID(high: 0, low: 0), dataType: dataType)
    }

    /// The topic of the message at hand, or `nil` if it is none.
    private func knownTopic(of publisher: PublisherID) -> KnownTopic? {
        meet(publisher)
        if let lastTopic, topicFrame.withBytes({ $0.elementsEqual(lastTopic.bytes) }) { return lastTopic.known }
        let bytes = topicFrame.copy()
        guard let known = topics[bytes] ?? makeKnownTopic(bytes) else { return nil }
        lastTopic = (bytes, known)
        return known
    }

    private func makeKnownTopic(_ bytes: [UInt8]) -> KnownTopic? {
        guard let topic = Topic(bytes) else { return nil }
        let known = KnownTopic(topic: topic, lane: tracker.index(of: topic.dataType))
        topics[bytes] = known
        return known
    }

    /// Starts afresh when another publisher answers at this endpoint: its state directory was made anew.
    private func meet(_ publisher: PublisherID) {
        guard publisher != status.publisher else { return }
        if status.publisher == nil {
            logger.info(
                "Connected to a publisher.",
                metadata: ["endpoint": "\(status.endpoint)", "publisher": "\(publisher)"])
        } else {
            logger.warning(
                "Another publisher has taken over an endpoint.",
                metadata: ["endpoint": "\(status.endpoint)", "publisher": "\(publisher)"])
        }
        status.publisher = publisher
        epoch = 0
        tracker = SequenceTracker()
        topics = [:]
        lastTopic = nil
    }
}
