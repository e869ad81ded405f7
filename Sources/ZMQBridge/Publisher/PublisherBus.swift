internal import Diagnosis

/// The publisher's socket and its lanes: what the publisher's lock guards.
struct PublisherBus: ~Copyable {
    /// Each data type is a lane that every beat names and every consumer keeps account of.
    private static let mostLanes = 256
    /// A longer greeting is not answered.
    private static let longestHello = 128

    private let socket: ZMQSocket
    private let publisher: PublisherID
    private let epoch: UInt64
    /// The last sequence of each lane.
    private var sequences: [DiagnosisDataType: UInt64] = [:]
    /// Where each header is written before libzmq copies it.
    private let headerFrame = UnsafeMutableRawBufferPointer.allocate(byteCount: EnvelopeHeader.size, alignment: 8)

    init(socket: consuming ZMQSocket, publisher: PublisherID, epoch: UInt64) {
        self.socket = socket
        self.publisher = publisher
        self.epoch = epoch
    }

    deinit {
        headerFrame.deallocate()
    }

    /// Sends all, numbering them. A sequence is taken only by an envelope that libzmq took.
    mutating func publish(_ metrics: EncodedMetrics) throws(ReportError) {
        try checkLanes(metrics)
        let now = WallClock.nanoseconds()
        var bodyStart = 0
        var lane: (type: DiagnosisDataType, sequence: UInt64)?
        defer { if let lane { sequences[lane.type] = lane.sequence } }
        for item in metrics.items {
            if let current = lane, current.type != item.dataType {
                sequences[current.type] = current.sequence
                lane = nil
            }
            let sequence = (lane?.sequence ?? sequences[item.dataType] ?? 0) + 1
            let header = EnvelopeHeader(
                flags: EnvelopeHeader.Flag.volatile, publisher: publisher, epoch: epoch, sequence: sequence,
                collectionTime: item.collectionTime, publishTime: now)
            do throws(ZMQError) {
                try send(topic: metrics.topics[item.topic], header, metrics.bodies, bodyStart..<item.bodyEnd)
            } catch {
                throw ReportError(code: .closed, message: "\(error)")
            }
            lane = (item.dataType, sequence)
            bodyStart = item.bodyEnd
        }
        greetConsumers()
    }

    /// Refuses a type too many: a program that makes names up would otherwise fill everybody's memory with lanes.
    private func checkLanes(_ metrics: EncodedMetrics) throws(ReportError) {
        guard sequences.count + metrics.dataTypes.count > Self.mostLanes else { return }
        let new = metrics.dataTypes.filter { sequences[$0] == nil }
        guard sequences.count + new.count > Self.mostLanes, let one = new.first else { return }
        throw ReportError(
            code: .refused,
            message: "the data type '\(one)' is one too many: a publisher takes \(Self.mostLanes) in one run")
    }

    /// Answers every new `$hello/` subscription with a beat under its own topic. Must follow whatever touched the socket: sending may
    /// swallow the event that would have woken the thread that waits for subscriptions.
    mutating func greetConsumers() {
        while let message = try? socket.receiveMessage() {
            guard let frame = message.first, frame.first == 1, frame.count <= Self.longestHello,
                frame.dropFirst().starts(with: Topic.hello)
            else { continue }
            sendBeat(topic: Array(frame.dropFirst()))
        }
    }

    /// Sends a beat to everybody.
    mutating func beat() {
        sendBeat(topic: Topic.beat)
        greetConsumers()
    }

    private func sendBeat(topic: [UInt8]) {
        let lanes = sequences.sorted { $0.key.rawValue < $1.key.rawValue }.map { type, last in
            Beat.LaneRange(dataType: type.rawValue, first: nil, last: [epoch, last])
        }
        let body = Beat(lanes: lanes).encode()
        let header = EnvelopeHeader(
            publisher: publisher, epoch: epoch, sequence: 0, collectionTime: WallClock.seconds(),
            publishTime: WallClock.nanoseconds())
        // An XPUB socket refuses nothing while its context lives; a beat that is lost all the same is followed by the next.
        try? send(topic: topic, header, body, 0..<body.count)
    }

    private func send(
        topic: [UInt8], _ header: EnvelopeHeader, _ bodies: [UInt8], _ range: Range<Int>
    ) throws(ZMQError) {
        header.write(to: headerFrame)
        _ = try topic.withUnsafeBufferPointer { frame throws(ZMQError) in
            try socket.send(UnsafeRawBufferPointer(frame), more: true)
        }
        _ = try socket.send(UnsafeRawBufferPointer(headerFrame), more: true)
        _ = try bodies.withUnsafeBufferPointer { frame throws(ZMQError) in
            try socket.send(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: frame[range])), more: false)
        }
    }
}
