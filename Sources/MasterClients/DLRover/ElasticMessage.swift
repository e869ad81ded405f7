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
