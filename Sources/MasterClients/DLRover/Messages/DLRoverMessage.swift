import Diagnosis
import NIOCore

/// What a DLRover master is sent: an object of one of its classes, in the name of a node.
protocol DLRoverMessage: Sendable {
    var node: NodeIdentity { get }

    /// The length of the pickle.
    func pickleSize(_ module: DLRoverModule) -> Int

    func appendPickle(_ module: DLRoverModule, to buffer: inout ByteBuffer)
}

extension DLRoverMessage {
    /// The length of the `elastic.Message` around the pickle: what a master's limit is about.
    func messageSize(_ module: DLRoverModule) -> Int {
        ElasticMessage.size(nodeID: node.id, nodeType: node.type, dataBytes: pickleSize(module))
    }

    func pickleSize(_ module: DLRoverModule) -> Int {
        var buffer = ByteBuffer()
        appendPickle(module, to: &buffer)
        return buffer.readableBytes
    }
}
