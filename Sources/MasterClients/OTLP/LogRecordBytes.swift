import NIOCore

/// One OTLP log record beside its body and what all records of its envelope have.
struct LogRecordHead {
    /// When the line was written, as it says itself: nanoseconds since 1970; 0 if it does not.
    var time: UInt64 = 0
    /// When arobust published it: nanoseconds since 1970.
    var observed: UInt64
    var severity = LogSeverity.unspecified
    /// The line's place in its envelope, from 1; `nil`: the envelope is one record.
    var line: Int?
    /// Whether the body is valid UTF-8; other bytes go as bytes.
    var isText = true
}

/// OTLP's numbers for how bad a line is.
enum LogSeverity: UInt8, Comparable {
    /// No rule matches the line, and nothing else is known.
    case unspecified = 0
    case info = 9
    case warn = 13
    case error = 17
    case fatal = 21

    static func < (left: LogSeverity, right: LogSeverity) -> Bool { left.rawValue < right.rawValue }
}

/// Writes log records in Protocol Buffers' format, byte for byte as the generated `LogRecord` would, at a fraction of its cost: a GiB of log has ten
/// million of them. `LogRecordBytesTests` compares the two.
enum LogRecordBytes {
    // Tags: the field's number shifted by three, and the wire type. LogRecord:
    private static let timeTag: UInt8 = 1 << 3 | 1
    private static let severityTag: UInt8 = 2 << 3
    private static let bodyTag: UInt8 = 5 << 3 | 2
    private static let attributeTag: UInt8 = 6 << 3 | 2
    private static let observedTag: UInt8 = 11 << 3 | 1
    // AnyValue:
    private static let stringTag: UInt8 = 1 << 3 | 2
    private static let bytesTag: UInt8 = 7 << 3 | 2
    private static let intTag: UInt8 = 3 << 3
    // KeyValue:
    private static let keyTag: UInt8 = 1 << 3 | 2
    private static let valueTag: UInt8 = 2 << 3 | 2

    private static let lineKey: StaticString = "arobust.line"

    /// How many bytes `append` writes at most.
    static func largestSize(body: Int, attributes: Int) -> Int { body + attributes + 96 }

    /// Appends a record, with its tag and length as field 2 of `ScopeLogs`.
    ///
    /// - Parameters:
    ///   - attributes: encoded, each with `attributeField`.
    static func append(
        _ head: LogRecordHead, body: UnsafeRawBufferPointer, attributes: [UInt8], to buffer: inout ByteBuffer
    ) {
        let valueSize = 1 + ProtobufWriter.size(of: UInt64(body.count)) + body.count
        let lineSize = head.line.map(Self.lineSize) ?? 0
        let size =
            (head.time == 0 ? 0 : 9) + (head.severity == .unspecified ? 0 : 2) + 1
            + ProtobufWriter.size(of: UInt64(valueSize)) + valueSize + attributes.count
            + (lineSize == 0 ? 0 : 2 + lineSize) + (head.observed == 0 ? 0 : 9)
        let whole = 1 + ProtobufWriter.size(of: UInt64(size)) + size
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: whole) { room in
            guard let start = room.baseAddress else { return 0 }
            var writer = ProtobufWriter(start)
            writer.write(2 << 3 | 2)
            writer.write(varint: UInt64(size))
            if head.time != 0 {
                writer.write(timeTag)
                writer.write(fixed: head.time)
            }
            if head.severity != .unspecified {
                writer.write(severityTag)
                writer.write(head.severity.rawValue)
            }
            writer.write(bodyTag)
            writer.write(varint: UInt64(valueSize))
            writer.write(head.isText ? stringTag : bytesTag)
            writer.write(varint: UInt64(body.count))
            writer.write(body)
            attributes.withUnsafeBytes { writer.write($0) }
            if let line = head.line { write(line: line, size: lineSize, to: &writer) }
            if head.observed != 0 {
                writer.write(observedTag)
                writer.write(fixed: head.observed)
            }
            return whole
        }
    }

    /// An attribute as it stands in a record.
    ///
    /// - Parameter keyValue: the encoded `KeyValue`.
    static func attributeField(_ keyValue: [UInt8]) -> [UInt8] {
        ProtobufWriter.field(6, keyValue)
    }

    private static func lineSize(_ line: Int) -> Int {
        2 + lineKey.utf8CodeUnitCount + 3 + ProtobufWriter.size(of: UInt64(line))
    }

    private static func write(line: Int, size: Int, to writer: inout ProtobufWriter) {
        writer.write(attributeTag)
        writer.write(UInt8(size))
        writer.write(keyTag)
        writer.write(UInt8(lineKey.utf8CodeUnitCount))
        writer.write(UnsafeRawBufferPointer(start: lineKey.utf8Start, count: lineKey.utf8CodeUnitCount))
        writer.write(valueTag)
        writer.write(UInt8(1 + ProtobufWriter.size(of: UInt64(line))))
        writer.write(intTag)
        writer.write(varint: UInt64(line))
    }
}
