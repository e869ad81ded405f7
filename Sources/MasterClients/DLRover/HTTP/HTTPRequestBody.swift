import Diagnosis
import NIOCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The JSON that DLRover's HTTP master takes (`BaseRequest` of `dlrover/python/common/comm.py`).
enum HTTPRequestBody {
    static func message(_ message: any DLRoverMessage, _ module: DLRoverModule) -> ByteBuffer {
        var pickle = ByteBufferAllocator().buffer(capacity: message.pickleSize(module))
        message.appendPickle(module, to: &pickle)
        return body(node: message.node, pickle: pickle)
    }

    static func body(node: NodeIdentity, pickle: ByteBuffer) -> ByteBuffer {
        let data = Data(pickle.readableBytesView).base64EncodedData()
        var body = ByteBufferAllocator().buffer(capacity: data.count + 256)
        body.writeString(#"{"node_id": \#(node.id), "node_type": ""#)
        body.writeBytes(escaped(node.type))
        body.writeString(#"", "data": ""#)
        body.writeBytes(data)
        body.writeString(#""}"#)
        return body
    }

    /// A request without data.
    static let empty = ByteBuffer(string: #"{"node_id": 0, "node_type": "worker", "data": ""}"#)

    /// The inside of a JSON string: everything but plain ASCII as `\u` escapes.
    private static func escaped(_ text: String) -> [UInt8] {
        text.utf16.flatMap { unit -> [UInt8] in
            if (0x20...0x7E).contains(unit), unit != 0x22, unit != 0x5C { return [UInt8(unit)] }
            let digits = String(unit, radix: 16)
            return Array((#"\u"# + String(repeating: "0", count: 4 - digits.utf8.count) + digits).utf8)
        }
    }
}
