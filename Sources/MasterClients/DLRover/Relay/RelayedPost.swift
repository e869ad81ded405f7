import Diagnosis
private import FoundationEssentials
package import NIOCore

/// A call of a client that speaks DLRover's HTTP protocol, and that a master is to answer: `POST /report` or `POST /get` with a `BaseRequest` as
/// JSON (`dlrover/python/master/servicer.py`).
///
/// These clients set no deadline: they wait for as long as the connection lasts.
package struct RelayedPost: Sendable {
    /// What a master takes.
    package enum Path: String, CaseIterable, Sendable {
        case report = "/report"
        case get = "/get"
    }

    package var path: Path
    /// The job that the client believes itself to be in; `nil` if it doesn't say, as before DLRover 0.6.
    package var jobUID: String?
    /// The JSON, as it came.
    package var body: ByteBuffer

    package init(path: Path, jobUID: String?, body: ByteBuffer) {
        self.path = path
        self.jobUID = jobUID
        self.body = body
    }

    /// The same as a gRPC call: the same pickle in gRPC's envelope.
    func call() throws(GRPCStatus) -> RelayedCall {
        let request = try request()
        var message = ByteBufferAllocator().buffer(capacity: request.pickle.count + request.nodeType.utf8.count + 32)
        ElasticMessage.appendHead(
            nodeID: Int(request.nodeID), nodeType: request.nodeType, dataBytes: request.pickle.count, to: &message)
        message.writeBytes(request.pickle)
        return RelayedCall(
            path: "/elastic.Master\(path.rawValue)", metadata: jobUID.map { [("job_uid", $0)] } ?? [],
            message: message, timeout: nil)
    }

    /// What an HTTP master says in place of what a gRPC master answered.
    func answer(from message: ByteBuffer) throws(GRPCStatus) -> PostAnswer {
        do throws(ProtoError) {
            switch path {
            case .report:
                let success = try ElasticResponse(decoding: message).success
                return PostAnswer(BaseResponse(success: success, data: []))
            case .get:
                let data = try ElasticMessage.data(decoding: message)
                return PostAnswer(BaseResponse(success: data.isEmpty, data: data))
            }
        } catch {
            throw GRPCStatus(code: .unavailable, message: "the master gave an answer that is not DLRover's: \(error)")
        }
    }

    /// The pickle of a report that may be a metric; `nil` for any other call.
    var reportedPickle: [UInt8]? {
        let longest = PickleLimits().bytes
        // Base64 takes four bytes for three.
        guard path == .report, body.readableBytes <= longest / 3 * 4 + 4096,
            let pickle = try? request().pickle, pickle.count <= longest
        else { return nil }
        return Array(pickle)
    }

    private struct Request: Decodable {
        enum CodingKeys: String, CodingKey {
            case nodeID = "node_id"
            case nodeType = "node_type"
            case data
        }

        var nodeID: Int32
        var nodeType: String
        var pickle: Data

        /// Anything may be missing, as in DLRover's `BaseRequest.from_json`; then it is what protocol buffers have in its place.
        init(from decoder: any Decoder) throws {
            let keys = try decoder.container(keyedBy: CodingKeys.self)
            nodeID = try keys.decodeIfPresent(Int32.self, forKey: .nodeID) ?? 0
            nodeType = try keys.decodeIfPresent(String.self, forKey: .nodeType) ?? ""
            pickle = try keys.decodeIfPresent(Data.self, forKey: .data) ?? Data()
        }
    }

    private func request() throws(GRPCStatus) -> Request {
        do {
            return try JSONDecoder().decode(Request.self, from: Data(body.readableBytesView))
        } catch {
            throw GRPCStatus(
                code: .invalidArgument,
                message: """
                    arobust: the body must be a JSON object with node_id (a number of 32 bits), node_type and data (base64), as \
                    DLRover's HttpMasterClient sends it
                    """)
        }
    }
}
