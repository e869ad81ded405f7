internal import Diagnosis

/// A data type with a duration, as people write it: `XPU_TIMER_METRIC=5m`.
struct TypeDuration {
    let dataType: DiagnosisDataType
    let duration: Duration

    init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, TopicWord.isValid(String(parts[0])), let duration = DurationText.read(String(parts[1])),
            duration <= .seconds(365 * 86400)
        else { return nil }
        dataType = DiagnosisDataType(rawValue: String(parts[0]))
        self.duration = duration
    }
}
