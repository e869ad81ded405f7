import Diagnosis
import NIOCore

/// A heartbeat as a DLRover master is sent it: `HeartBeat` of `dlrover/python/common/comm.py`, by `get`.
struct DLRoverHeartbeat: DLRoverMessage {
    let node: NodeIdentity
    private let time: Int64

    /// The master reckons the node's silence by `time`, so only one that is about now is taken.
    init(at time: Int64, node: NodeIdentity, now: Int64) throws(ReportError) {
        guard (now - 600...now + 60).contains(time) else {
            throw ReportError(code: .refused, message: "a heartbeat's time must be now in whole seconds; it is \(time)")
        }
        self.node = node
        self.time = time
    }

    func appendPickle(_ module: DLRoverModule, to buffer: inout ByteBuffer) {
        PickleWriter.appendHeartbeat(module, at: time, to: &buffer)
    }
}
