private import FoundationEssentials

/// The begin or the end of a step, a checkpoint or an evaluation, as a training says it with DLRover's SDK
/// (`dlrover/python/training_event`). A metric of the type `TRAINING_EVENT` carries one, as JSON.
package struct TrainingEvent: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable {
        case begin = "BEGIN"
        case end = "END"
    }

    /// The targets and names that DLRover's masters know (`EventTargetName`, `TrainerEventName`).
    package static let targets: Set<String> = ["AtorchTrainerV2", "AsyncSaver"]
    package static let names: Set<String> = [step, "#save", "#evaluate"]
    private static let step = "#step"

    /// As the training's clock gave it, in whole seconds since 1970.
    package var timestamp: Int64
    package var target: String
    package var name: String
    package var type: Kind
    /// `global_step` of the SDK.
    package var step: Int64

    package init(timestamp: Int64, target: String, name: String, type: Kind, step: Int64) {
        self.timestamp = timestamp
        self.target = target
        self.name = name
        self.type = type
        self.step = step
    }

    /// Reads `content`. `nil` for anything else, and for an event that no master of DLRover takes.
    package init?(content: String) {
        guard let event = try? JSONDecoder().decode(Self.self, from: Data(content.utf8)), event.isTaken else {
            return nil
        }
        self = event
    }

    /// Whether a master of DLRover takes it: target and name are its own, and Python's times reach so far.
    package var isTaken: Bool {
        Self.targets.contains(target) && Self.names.contains(name) && (1..<253_402_214_400).contains(timestamp)
            && (0..<(1 << 53)).contains(step)
    }

    /// The content of its metric, with keys in a fixed order. Target and name must be those of `targets` and `names`.
    package var content: String {
        #"{"timestamp": \#(timestamp), "target": "\#(target)", "name": "\#(name)", "type": "\#(type.rawValue)", "step": \#(step)}"#
    }

    /// The step as a DLRover master wants it (`dlrover/python/common/event/context.py`): a step ends where the next one begins, and everything
    /// else ends at the step at which it began. The SDK writes the same number to both ends.
    package var stepForDLRover: Int64 {
        name == Self.step && type == .end ? step + 1 : step
    }
}

extension DiagnosisDataType {
    /// One event of a training, as `TrainingEvent` writes it.
    package static let trainingEvent = DiagnosisDataType(rawValue: "TRAINING_EVENT")
}
