import Diagnosis
import NIOCore

/// A failure as a DLRover master is told it: `NodeFailure` of `dlrover/python/common/comm.py`.
struct DLRoverFailure: DLRoverMessage {
    private let failure: NodeFailure

    var node: NodeIdentity { failure.node }

    /// - Throws: `ReportError` for one that would make the master raise.
    init(checking failure: NodeFailure) throws(ReportError) {
        guard failure.level != .rendezvousError || RendezvousFailure.isReadable(failure.errorData) else {
            throw ReportError(
                code: .refused,
                message: "a failure of level rdzv_error needs a JSON object with \(RendezvousFailure.keys)")
        }
        self.failure = failure
    }

    func appendPickle(_ module: DLRoverModule, to buffer: inout ByteBuffer) {
        PickleWriter.appendFailure(module, failure, to: &buffer)
    }
}
