import Diagnosis
import TestSupport
import ZMQBridge

extension ScratchFolder {
    func stateDirectory(_ name: String = "s") throws -> StateDirectory {
        try StateDirectory(path: file(name))
    }
}

extension WorkerTrainingMetric {
    static func log(_ content: String, rank: Int = 0) -> WorkerTrainingMetric {
        WorkerTrainingMetric(
            dataType: .trainingLog, dataContent: content, node: NodeIdentity(rank: rank), timestamp: 1_800_000_000)
    }
}
