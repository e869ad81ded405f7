internal import CNATS
internal import Diagnosis

/// A message of a stream, as a consumer gets it.
struct StreamMessage: Sendable {
    /// Where it is acknowledged.
    var acknowledgement: String
    /// The stream's own number of it; 0: unknown.
    var streamSequence: UInt64
    var lane: Lane
    var position: LanePosition
    var nodeType: String
    var nodeRank: Int
    var collectionTime: Int64
    var publishTime: UInt64
    /// Which part of how many.
    var part: Int
    var parts: Int
    /// The JSON of its `MetricOrigin`, or nothing.
    var origin: [UInt8]
    /// The metric's JSON, or a part of it.
    var body: [UInt8]
}

extension StreamMessage {
    /// The most parts that an envelope may have: what a bus takes at most, in the least pieces.
    private static let mostParts = 1 << 20

    /// - Returns: `nil` for what is not arobust's.
    init?(_ message: arobust_nats_message, _ place: AcknowledgementPlace) {
        func header(_ key: StaticString) -> String? {
            withUnsafePointer(to: message) { message in
                arobust_nats_header_of(message, UnsafeRawPointer(key.utf8Start).assumingMemoryBound(to: CChar.self))
                    .map { String(cString: $0) }
            }
        }
        guard
            let publisher = header(EnvelopeMessage.Header.publisher).flatMap({ PublisherID($0) }),
            let epoch = header(EnvelopeMessage.Header.epoch).flatMap({ UInt64($0) }), epoch > 0, epoch < .max,
            let sequence = header(EnvelopeMessage.Header.sequence).flatMap({ UInt64($0) }), sequence > 0,
            sequence < .max,
            let type = header(EnvelopeMessage.Header.dataType).map({ DiagnosisDataType(rawValue: $0) }), type.isValid,
            let nodeType = header(EnvelopeMessage.Header.nodeType),
            let nodeRank = header(EnvelopeMessage.Header.nodeRank).flatMap({ Int($0) })
        else { return nil }
        acknowledgement = place.subject
        streamSequence = place.streamSequence
        lane = Lane(publisher: publisher, dataType: type)
        position = LanePosition(epoch: epoch, sequence: sequence)
        self.nodeType = nodeType
        self.nodeRank = nodeRank
        collectionTime = header(EnvelopeMessage.Header.collectionTime).flatMap { Int64($0) } ?? 0
        publishTime = header(EnvelopeMessage.Header.publishTime).flatMap { UInt64($0) } ?? 0
        let numbers = header(EnvelopeMessage.Header.part)?.split(separator: "/").compactMap { Int($0) } ?? [1, 1]
        guard numbers.count == 2, 1...Self.mostParts ~= numbers[1], 1...numbers[1] ~= numbers[0] else { return nil }
        (part, parts) = (numbers[0], numbers[1])
        origin = header(EnvelopeMessage.Header.origin).map { Array($0.utf8) } ?? []
        body = Array(UnsafeRawBufferPointer(start: message.data, count: Int(message.length)))
    }

    /// The `Status` of a message that is none: why a request for more ended.
    static func status(_ message: arobust_nats_message) -> Int? {
        guard message.length == 0 else { return nil }
        return withUnsafePointer(to: message) { message in
            arobust_nats_header_of(message, "Status").flatMap { Int(String(cString: $0)) }
        }
    }
}

/// Where a message of a consumer is acknowledged: `$JS.ACK.STREAM.CONSUMER.delivered.SEQUENCE.…`, from newer servers with a domain and an
/// account before the stream.
struct AcknowledgementPlace {
    let subject: String
    let consumer: String
    /// The stream's own number of the message.
    let streamSequence: UInt64

    init?(_ subject: String) {
        let words = subject.split(separator: ".")
        guard words.count >= 9, words[0] == "$JS", words[1] == "ACK" else { return nil }
        let shift = words.count >= 11 ? 2 : 0
        guard let sequence = UInt64(words[5 + shift]) else { return nil }
        self.subject = subject
        consumer = String(words[3 + shift])
        streamSequence = sequence
    }
}
