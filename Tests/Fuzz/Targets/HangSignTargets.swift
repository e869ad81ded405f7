internal import Diagnosis
internal import Hang

@testable internal import Collectors

/// What NCCL's RAS answers, and the events of a training.
extension FuzzTarget {
    static let hangSigns = [FuzzTarget("ras", ras), FuzzTarget("training-events", trainingEvents)]

    private static func ras(_ bytes: [UInt8]) {
        let mended = RASJSON.mended(bytes)
        require(RASJSON.mended(mended) == mended, "JSON that was mended is mended again")
        guard let status = RASStatus(answer: bytes) else { return }
        var watch = RASWatch(confirmation: .zero)
        let start = ContinuousClock.now
        for second in 0..<3 { _ = watch.look(at: status, now: start + .seconds(second)) }
    }

    private static func trainingEvents(_ bytes: [UInt8]) {
        for line in bytes.text.split(separator: "\n") {
            guard case .event(let event) = TrainingEventLine.read(line) else { continue }
            require(TrainingEvent(content: event.content) == event, "an event is not read back")
        }
    }
}
