package import Diagnosis
internal import NIOCore

/// What a DLRover client asks of its master, as far as it must be understood: `elastic.Message`.
package struct DLRoverRequest: Sendable {
    /// The node that asks, its rank unknown (0).
    package let node: NodeIdentity
    /// A pickle of one of DLRover's classes.
    let pickle: [UInt8]

    /// - Returns: `nil` if the bytes are no such message.
    package init?(message: [UInt8]) {
        guard let parts = try? ElasticMessage.decode(ByteBuffer(bytes: message)) else { return nil }
        node = NodeIdentity(id: parts.nodeID, type: parts.nodeType)
        pickle = parts.data
    }

    /// The JSON of the `WorkerTrainingMetric` that is reported, and the rank beside it; `nil` if this is any other request.
    package var metric: (json: [UInt8], nodeRank: Int)? {
        guard case .object(let object)? = try? PickleReader.read(pickle[...]), object.type == .diagnosisReportData,
            object.string("data_cls") == "WorkerTrainingMetric", let content = object.string("data_content")
        else { return nil }
        return (Array(content.utf8), object.int("node_rank") ?? -1)
    }
}

/// A request that goes on as it came.
extension DLRoverRequest: DLRoverMessage {
    func appendPickle(_ module: DLRoverModule, to buffer: inout ByteBuffer) {
        buffer.writeBytes(pickle)
    }
}
