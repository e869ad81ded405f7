package import NIOCore

/// What a client of DLRover's HTTP protocol is answered.
package struct PostAnswer: Hashable, Sendable {
    /// Of HTTP.
    package var status: Int
    /// A pickled `BaseResponse`, or a sentence if the status is not 200.
    package var body: ByteBuffer

    package init(status: Int, body: ByteBuffer) {
        self.status = status
        self.body = body
    }

    package init(status: Int, _ sentence: String) {
        self.init(status: status, body: ByteBuffer(string: sentence))
    }

    init(_ response: BaseResponse) {
        self.init(status: 200, body: response.pickle)
    }

    /// A report that was taken, as a DLRover master answers it.
    package static var success: PostAnswer { PostAnswer(BaseResponse(success: true, data: [])) }

    /// What an HTTP master would say for this status of a gRPC master, or else what HTTP has for it. DLRover's client looks only whether it
    /// is 200, and tries again if it is not.
    package init(_ status: GRPCStatus) {
        // grpcio's server puts this before what a servicer raises, and DLRover's HTTP handler nothing.
        let raised = "Exception calling application: "
        let isRaised = status.code == .unknown && status.message.hasPrefix(raised)
        self.init(
            status: Self.httpStatus(of: status.code),
            isRaised ? String(status.message.dropFirst(raised.count)) : status.message)
    }

    private static func httpStatus(of code: GRPCStatus.Code) -> Int {
        switch code {
        case .invalidArgument, .outOfRange: 400
        case .permissionDenied: 403
        case .notFound: 404
        // `validate_request` of `dlrover/python/master/servicer.py` in both protocols: another job's client.
        case .unauthenticated: 406
        case .resourceExhausted: 429
        case .unimplemented: 501
        case .unavailable, .cancelled: 503
        case .deadlineExceeded: 504
        default: 500
        }
    }
}
