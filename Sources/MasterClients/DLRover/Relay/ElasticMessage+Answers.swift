import NIOCore

extension ElasticMessage {
    /// What a master answers to a report: `elastic.Response`. proto3 leaves out what is false.
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
