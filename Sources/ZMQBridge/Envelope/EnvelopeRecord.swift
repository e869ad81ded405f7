package import Diagnosis
internal import Journal

/// The payload of a journal record: consecutive envelopes of one lane and epoch, as they go over the bus.
///
///     publish time 8 (ns since 1970), then for each envelope:
///     topic length 2, body length 4, collection time 8 (seconds since 1970), [extension length 2], topic, [extension], body
///
/// Big-endian. A topic length of 0 means the topic of the envelope before. Its bit 15 says that there is an extension (the origin's JSON), and
/// bit 14 that the envelope is flagged as shed. The record's header has epoch and sequences.
package struct EnvelopeRecord: Sendable {
    /// One envelope of a record.
    package struct Envelope: Sendable {
        package var position: LanePosition
        /// Whole seconds since 1970.
        package var collectionTime: Int64
        /// Nanoseconds since 1970.
        package var publishTime: UInt64
        /// As on the bus, without copies of their bytes.
        package var topic: ArraySlice<UInt8>
        /// The origin's JSON; empty if there is none.
        package var origin: ArraySlice<UInt8>
        package var isShed: Bool
        /// The metric's JSON.
        package var body: ArraySlice<UInt8>
    }

    /// The bytes are not a record's payload; `offset` is where that shows.
    package struct MalformedError: Error, Hashable {
        package var offset: Int
    }

    static let headerSize = 8
    static let envelopeHeaderSize = 14
    fileprivate static let hasExtension: UInt16 = 1 << 15
    fileprivate static let isShed: UInt16 = 1 << 14

    /// Gives each envelope of a record to `body`, in order, until that answers `false`.
    ///
    /// - Throws: `MalformedError`; a record with good checksums that this program wrote never is.
    package static func read(
        _ payload: [UInt8], first: LanePosition, count: Int, _ body: (Envelope) throws -> Bool
    ) throws {
        let publishTime: UInt64 = try number(payload, at: 0)
        var offset = headerSize
        var topic: ArraySlice<UInt8> = []
        for index in 0..<count {
            let topicWord: UInt16 = try number(payload, at: offset)
            let topicLength = Int(topicWord & ~(hasExtension | isShed))
            let bodyLength = Int(try number(payload, at: offset + 2) as UInt32)
            let time = Int64(bitPattern: try number(payload, at: offset + 6))
            var start = offset + envelopeHeaderSize
            var originLength = 0
            if topicWord & hasExtension != 0 {
                originLength = Int(try number(payload, at: start) as UInt16)
                start += 2
            }
            let bodyStart = start + topicLength + originLength
            let end = bodyStart + bodyLength
            guard end <= payload.count else { throw MalformedError(offset: offset) }
            if topicLength > 0 { topic = payload[start..<start + topicLength] }
            let envelope = Envelope(
                position: LanePosition(epoch: first.epoch, sequence: first.sequence + UInt64(index)),
                collectionTime: time, publishTime: publishTime, topic: topic,
                origin: payload[start + topicLength..<bodyStart], isShed: topicWord & isShed != 0,
                body: payload[bodyStart..<end])
            guard try body(envelope) else { return }
            offset = end
        }
        guard offset == payload.count else { throw MalformedError(offset: offset) }
    }

    private static func number<Number: FixedWidthInteger>(_ bytes: [UInt8], at offset: Int) throws -> Number {
        guard offset + MemoryLayout<Number>.size <= bytes.count else { throw MalformedError(offset: offset) }
        return bytes.withUnsafeBytes { Number(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self)) }
    }
}

extension EncodedMetrics {
    /// A journal record of all metrics of one type, in the form that `EnvelopeRecord` reads.
    func record(
        of dataType: DiagnosisDataType, first: LanePosition, publishTime: UInt64, source: SourcePosition?
    ) -> JournalRecord {
        var payload: [UInt8] = []
        payload.reserveCapacity(
            EnvelopeRecord.headerSize + bodies.count + items.count * (EnvelopeRecord.envelopeHeaderSize + 32))
        payload.append(bigEndian: publishTime)
        var count: UInt32 = 0
        var (earliest, latest) = (Int64.max, Int64.min)
        var lastTopic: Int?
        var start = 0
        for item in items {
            defer { start = item.bodyEnd }
            guard item.dataType == dataType else { continue }
            let topic = item.topic == lastTopic ? [] : topics[item.topic]
            let flags =
                (item.originLength > 0 ? EnvelopeRecord.hasExtension : 0) | (item.isShed ? EnvelopeRecord.isShed : 0)
            payload.append(bigEndian: UInt16(topic.count) | flags)
            payload.append(bigEndian: UInt32(item.bodyEnd - start - item.originLength))
            payload.append(bigEndian: item.collectionTime)
            if item.originLength > 0 { payload.append(bigEndian: UInt16(item.originLength)) }
            payload += topic
            payload += bodies[start..<item.bodyEnd]
            lastTopic = item.topic
            count += 1
            earliest = min(earliest, item.collectionTime)
            latest = max(latest, item.collectionTime)
        }
        return JournalRecord(
            lane: dataType.rawValue, epoch: first.epoch, firstSequence: first.sequence, count: count,
            earliest: earliest, latest: latest,
            source: source.map { JournalRecord.Source(key: $0.key, bytes: $0.bytes) },
            payload: payload)
    }
}
