package import Diagnosis
package import NIOCore

/// Batches of envelopes in bytes, for arobust's own masters (`docs/wire-format.md`, "To a console"). Big-endian, one batch after the other:
///
///     magic 4 ("ARB1"), publisher 16, epoch 8, node rank 8, count 4, lengths of data type and node type 2 + 2, both words,
///     then for each envelope:
///     sequence 8, collection time 8 (seconds), publish time 8 (nanoseconds), flags 1 (bit 1: shed), origin length 2, body length 4, origin, body
package enum ReportMessage {
    private static let magic: UInt32 = 0x4152_4231
    private static let headBytes = 44
    private static let entryBytes = 31
    private static let shed: UInt8 = 2
    private static let mostEnvelopes = 1_000_000

    /// What a message cannot be read for: `place` is the offset of the batch or envelope.
    package struct Malformed: Error, Hashable, CustomStringConvertible {
        package let place: Int
        package let reason: String

        package var description: String { "at byte \(place): \(reason)" }
    }

    /// How many bytes the batch takes.
    static func size(of batch: EnvelopeBatch) -> Int {
        headBytes + batch.lane.dataType.rawValue.utf8.count + batch.nodeType.utf8.count + entryBytes * batch.count
            + batch.byteCount + (batch.entries.first.map { batch.originBytes(of: $0).count } ?? 0)
    }

    /// Appends a batch.
    package static func append(_ batch: EnvelopeBatch, to buffer: inout ByteBuffer) {
        let (high, low) = batch.lane.publisher.words
        buffer.writeMultipleIntegers(magic, high, low, batch.epoch, Int64(batch.nodeRank), UInt32(batch.count))
        let (type, node) = (batch.lane.dataType.rawValue, batch.nodeType)
        buffer.writeMultipleIntegers(UInt16(type.utf8.count), UInt16(node.utf8.count))
        buffer.writeString(type)
        buffer.writeString(node)
        for entry in batch.entries {
            let (origin, body) = (batch.originBytes(of: entry), batch.body(of: entry))
            buffer.writeMultipleIntegers(
                entry.sequence, entry.collectionTime, entry.publishTime, entry.isShed ? shed : 0,
                UInt16(origin.count), UInt32(body.count))
            buffer.writeBytes(origin)
            buffer.writeBytes(body)
        }
    }

    /// Reads a message whole. Bodies are not looked at.
    package static func read(_ message: ByteBuffer) throws(Malformed) -> [EnvelopeBatch] {
        var rest = message
        var batches: [EnvelopeBatch] = []
        while rest.readableBytes > 0 {
            let place = rest.readerIndex - message.readerIndex
            guard let batch = try batch(&rest, start: message.readerIndex) else {
                throw Malformed(place: place, reason: "no batch of envelopes begins here")
            }
            batches.append(batch)
        }
        return batches
    }

    private static func batch(_ rest: inout ByteBuffer, start: Int) throws(Malformed) -> EnvelopeBatch? {
        typealias Head = (UInt32, UInt64, UInt64, UInt64, Int64, UInt32)
        guard let head: Head = rest.readMultipleIntegers(), head.0 == magic, head.5 <= mostEnvelopes,
            head.3 < .max, let rank = Int(exactly: head.4),
            let lengths = rest.readMultipleIntegers(as: (UInt16, UInt16).self),
            let type = rest.readString(length: Int(lengths.0)), TopicWord.isValid(type),
            let node = rest.readString(length: Int(lengths.1)), TopicWord.isValid(node)
        else { return nil }
        var batch = EnvelopeBatch(
            lane: Lane(publisher: PublisherID(high: head.1, low: head.2), dataType: DiagnosisDataType(rawValue: type)),
            epoch: head.3, nodeType: node, nodeRank: rank,
            bytes: max(0, rest.readableBytes - entryBytes * Int(head.5)))
        for _ in 0..<head.5 {
            let place = rest.readerIndex - start
            typealias Numbers = (UInt64, Int64, UInt64, UInt8, UInt16, UInt32)
            guard let numbers: Numbers = rest.readMultipleIntegers(), numbers.0 < .max,
                let origin = rest.readSlice(length: Int(numbers.4)), let body = rest.readSlice(length: Int(numbers.5))
            else { throw Malformed(place: place, reason: "the envelope is cut off") }
            body.withUnsafeReadableBytes { body in
                origin.withUnsafeReadableBytes { origin in
                    batch.append(
                        sequence: numbers.0, collectionTime: numbers.1, publishTime: numbers.2,
                        body: body.bindMemory(to: UInt8.self).span, origin: origin.bindMemory(to: UInt8.self).span,
                        isShed: numbers.3 & shed != 0)
                }
            }
        }
        return batch
    }
}

/// The answer to a report: how many of its envelopes are finished, and which of these were skipped, and why.
package struct ReportReceipt: Hashable, Sendable {
    /// From the front of the message; the same envelopes again would be duplicates.
    package var finished: Int
    /// Those that were not stored, in order.
    package var skipped: [ReportOutcome.Skip]

    package init(finished: Int, skipped: [ReportOutcome.Skip] = []) {
        self.finished = finished
        self.skipped = skipped
    }

    /// In bytes, big-endian: finished 4, count of skips 4, each: index 4, lengths 2 + 2, rule, reason.
    package var message: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeMultipleIntegers(UInt32(finished), UInt32(skipped.count))
        for skip in skipped {
            let reason = skip.reason.utf8.prefix(Self.longestReason)
            buffer.writeMultipleIntegers(UInt32(skip.index), UInt16(skip.rule.utf8.count), UInt16(reason.count))
            buffer.writeString(skip.rule)
            buffer.writeBytes(reason)
        }
        return buffer
    }

    private static let longestReason = 1000

    /// - Returns: `nil` if the message is no receipt.
    package init?(_ message: ByteBuffer) {
        var rest = message
        guard let counts = rest.readMultipleIntegers(as: (UInt32, UInt32).self), counts.1 <= counts.0 else {
            return nil
        }
        finished = Int(counts.0)
        skipped = []
        for _ in 0..<counts.1 {
            guard let numbers = rest.readMultipleIntegers(as: (UInt32, UInt16, UInt16).self), numbers.0 < counts.0,
                let rule = rest.readString(length: Int(numbers.1)), let reason = rest.readString(length: Int(numbers.2))
            else { return nil }
            skipped.append(ReportOutcome.Skip(index: Int(numbers.0), rule: rule, reason: reason))
        }
    }
}
