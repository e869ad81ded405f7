internal import Diagnosis
internal import Journal

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
            payload.append(bigEndian: UInt16(topic.count))
            payload.append(bigEndian: UInt32(item.bodyEnd - start))
            payload.append(bigEndian: item.collectionTime)
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

extension [UInt8] {
    fileprivate mutating func append(bigEndian number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }
}
