internal import NIOCore

/// The messages that a DLRover master answers with, as bytes.
package enum DLRoverAnswerMessage {
    /// `elastic.Response`, the answer to a report.
    package static func response(success: Bool) -> [UInt8] {
        // proto3 leaves out what is false.
        success ? [0x08, 0x01] : []
    }

    /// `elastic.Message`, the answer to a `get`: a pickle, or nothing.
    package static func message(pickle: [UInt8]) -> [UInt8] {
        var buffer = ByteBuffer()
        ElasticMessage.appendHead(nodeID: 0, nodeType: "", dataBytes: pickle.count, to: &buffer)
        buffer.writeBytes(pickle)
        return Array(buffer: buffer)
    }
}
