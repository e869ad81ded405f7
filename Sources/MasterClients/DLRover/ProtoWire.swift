import NIOCore

/// The little of protocol buffers' wire format that DLRover's messages need
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
