import Diagnosis
import NIOCore

/// A training's event as a DLRover master is sent it: `AtorchEvent` of `dlrover/python/common/comm.py`, by `report`. DLRover has it since 0.5.
struct DLRoverEvent: DLRoverMessage {
    let node: NodeIdentity
    private let event: TrainingEvent

    init(_ event: TrainingEvent, node: NodeIdentity) {
        self.event = event
        self.node = node
    }

    func appendPickle(_ module: DLRoverModule, to buffer: inout ByteBuffer) {
        PickleWriter.appendEvent(module, event, to: &buffer)
    }
}
