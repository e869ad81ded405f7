import Diagnosis
import Foundation
import Logging
import ZMQBridge

/// A directory that goes away with its test. Its path is short enough for Unix sockets.
final class Scratch: Sendable {
    let path: String

    init() {
        path = "/tmp/arz-" + String(UInt64.random(in: .min ... .max), radix: 36)
        try? FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func stateDirectory(_ name: String = "s") throws -> StateDirectory {
        try StateDirectory(path: path + "/" + name)
    }
}

extension WorkerTrainingMetric {
    static func log(_ content: String, rank: Int = 0) -> WorkerTrainingMetric {
        WorkerTrainingMetric(
            dataType: .trainingLog, dataContent: content, node: NodeIdentity(rank: rank), timestamp: 1_800_000_000)
    }
}
