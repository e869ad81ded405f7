import NIOCore

/// DLRover's request to its master. It follows `dlrover/proto/elastic_training.proto`:
///
///     message Message { int32 node_id = 1; string node_type = 2; bytes data = 3; }
enum ElasticMessage {
    /// How many bytes the message has; `dataBytes` is the pickle's length.
    static func size(nodeID: Int, nodeType: String, dataBytes: Int) -> Int {
        headSize(nodeID: nodeID, nodeType: nodeType)
            + (dataBytes == 0 ? 0 : 1 + ProtoWire.varintSize(UInt64(dataBytes)) + dataBytes)
    }

    /// Appends the message up to where the pickle's `dataBytes` bytes must follow. As in any proto3, empty fields are left out.
    static func appendHead(nodeID: Int, nodeType: String, dataBytes: Int, to buffer: inout ByteBuffer) {
        if nodeID != 0 {
            buffer.writeInteger(UInt8(0x08))
            ProtoWire.appendVarint(wireID(nodeID), to: &buffer)
        }
        if !nodeType.isEmpty {
            buffer.writeInteger(UInt8(0x12))
            ProtoWire.appendVarint(UInt64(nodeType.utf8.count), to: &buffer)
            buffer.writeString(nodeType)
        }
        if dataBytes != 0 {
            buffer.writeInteger(UInt8(0x1A))
            ProtoWire.appendVarint(UInt64(dataBytes), to: &buffer)
        }
    }

    /// The parts of a message; empty or 0 where it has none.
    static func decode(_ message: ByteBuffer) throws(ProtoError) -> (nodeID: Int, nodeType: String, data: ByteBuffer) {
        var rest = message
        var (nodeID, nodeType, data) = (0, "", ByteBuffer())
        while let field = try ProtoWire.takeField(&rest) {
            switch field {
            case .varint(number: 1, let value): nodeID = Int(Int32(truncatingIfNeeded: value))
            case .bytes(number: 2, let value): nodeType = String(buffer: value)
            case .bytes(number: 3, let value): data = value
            default: break
            }
        }
        return (nodeID, nodeType, data)
    }

    /// The pickle in a message that a master answers with; empty if there is none.
    static func data(decoding message: ByteBuffer) throws(ProtoError) -> [UInt8] {
        Array(buffer: try decode(message).data)
    }

    private static func headSize(nodeID: Int, nodeType: String) -> Int {
        let typeBytes = nodeType.utf8.count
        return (nodeID == 0 ? 0 : 1 + ProtoWire.varintSize(wireID(nodeID)))
            + (typeBytes == 0 ? 0 : 1 + ProtoWire.varintSize(UInt64(typeBytes)) + typeBytes)
    }

    /// An int32 as a varint, which sign-extends to 64 bits. The master does not look at it for diagnosis data.
    private static func wireID(_ id: Int) -> UInt64 {
        UInt64(bitPattern: Int64(Int32(clamping: id)))
    }
}

/// The master's answer to a report. It follows `dlrover/proto/elastic_training.proto`:
///
///     message Response { bool success = 1; string reason = 2; }
struct ElasticResponse: Hashable, Sendable {
    var success = false
    /// Never set by DLRover up to 0.7.
    var reason = ""

    init(decoding message: ByteBuffer) throws(ProtoError) {
        var rest = message
        while let field = try ProtoWire.takeField(&rest) {
            switch field {
            case .varint(number: 1, let value): success = value != 0
            case .bytes(number: 2, let value): reason = String(buffer: value)
            default: break
            }
        }
    }
}

extension ElasticMessage {
    /// What a master answers to a report: `elastic.Response`. proto3 leaves out false.
    static func response(success: Bool) -> ByteBuffer {
        ByteBuffer(bytes: success ? [0x08, 0x01] : [])
    }

    /// What a master answers to a `get`: a message with a pickle and nothing else.
    static func message(data: [UInt8]) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: data.count + 16)
        appendHead(nodeID: 0, nodeType: "", dataBytes: data.count, to: &buffer)
        buffer.writeBytes(data)
        return buffer
    }
}

/// The part of protocol buffers' wire format that DLRover's messages need
/// (https://protobuf.dev/programming-guides/encoding).
enum ProtoWire {
    /// One field of a message. Fixed-size fields are skipped: the messages have none.
    enum Field {
        case varint(number: Int, value: UInt64)
        case bytes(number: Int, value: ByteBuffer)
    }

    static func varintSize(_ value: UInt64) -> Int {
        max(1, (UInt64.bitWidth - value.leadingZeroBitCount + 6) / 7)
    }

    static func appendVarint(_ value: UInt64, to buffer: inout ByteBuffer) {
        var rest = value
        while rest >= 0x80 {
            buffer.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        buffer.writeInteger(UInt8(rest))
    }

    /// Takes a message's next field off `message`.
    ///
    /// - Returns: `nil` at the end.
    static func takeField(_ message: inout ByteBuffer) throws(ProtoError) -> Field? {
        while message.readableBytes > 0 {
            let tag = try takeVarint(&message)
            guard let number = Int(exactly: tag >> 3), number > 0 else {
                throw ProtoError(reason: "a bad field number")
            }
            switch tag & 7 {
            case 0: return .varint(number: number, value: try takeVarint(&message))
            case 1: try skip(8, &message)
            case 2:
                guard let length = Int(exactly: try takeVarint(&message)), let bytes = message.readSlice(length: length)
                else { throw ProtoError(reason: "it ends too early") }
                return .bytes(number: number, value: bytes)
            case 5: try skip(4, &message)
            default: throw ProtoError(reason: "an unknown wire type")
            }
        }
        return nil
    }

    private static func takeVarint(_ message: inout ByteBuffer) throws(ProtoError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = message.readInteger(as: UInt8.self) else { throw ProtoError(reason: "it ends too early") }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw ProtoError(reason: "a number of more than 10 bytes")
    }

    private static func skip(_ count: Int, _ message: inout ByteBuffer) throws(ProtoError) {
        guard message.readSlice(length: count) != nil else { throw ProtoError(reason: "it ends too early") }
    }
}

/// Why bytes are not a message of protocol buffers.
struct ProtoError: Error, Hashable, CustomStringConvertible {
    let reason: String

    var description: String { "not a protocol buffers message: \(reason)" }
}
