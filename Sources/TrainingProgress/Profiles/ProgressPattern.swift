/// What a line says about a training's progress.
package enum ProgressEvent: String, Hashable, Sendable, Codable, CaseIterable {
    /// A step was made.
    case step
    /// Values of the step that was made last, such as the loss.
    case values
    case checkpointBegun = "checkpoint-begun"
    case checkpointDone = "checkpoint-done"
    case evaluationBegun = "evaluation-begun"
    case evaluationEnded = "evaluation-ended"
    /// The training starts, or starts again: what comes next may take long, and steps may come again.
    case start
    /// It has ended well: no step is missed any more.
    case finished
}

/// What a line of progress gives.
package struct ProgressReading: Hashable, Sendable {
    package var event: ProgressEvent
    package var step: Double?
    package var total: Double?
    package var epoch: Double?
    /// How long a step took, in seconds, as the line says.
    package var stepSeconds: Double?
    package var throughput: Double?
    /// `tokens/s`, `TFLOP/s/GPU`.
    package var throughputUnit: String?
    package var loss: Double?

    package init(_ event: ProgressEvent) {
        self.event = event
    }

    fileprivate mutating func set(_ field: FieldTemplate.Field, _ value: Double) {
        // A number that is none must not end up in a comparison; a loss may be NaN.
        guard field == .loss || value.isFinite else { return }
        switch field {
        case .step: step = value
        case .total: total = value
        case .epoch: epoch = value
        case .loss: loss = value
        case .rate: if value > 0 { stepSeconds = 1 / value }
        case .stepTime(let unit): if value >= 0 { stepSeconds = value * unit }
        case .throughput(let unit): (throughput, throughputUnit) = (value, unit)
        case .anyNumber, .anyWord: break
        }
    }
}

/// One form of line in a profile.
struct ProgressPattern: Hashable, Sendable {
    var event: ProgressEvent
    var line: FieldTemplate
    /// What else such a line may give, wherever it stands in it.
    var fields: [FieldTemplate] = []
    /// A real line of this form. `RuleFile`'s rules have a corpus instead; here a test reads each of these.
    var example: String
    var ignoresCase = false

    /// By which text such lines are found.
    var key: [UInt8] { line.key ?? [] }

    /// - Parameter text: what the program wrote.
    func reading(of text: UnsafeRawBufferPointer) -> ProgressReading? {
        guard let values = line.values(in: text) else { return nil }
        var reading = ProgressReading(event)
        for (field, value) in values { reading.set(field, value) }
        guard event != .step || reading.step != nil || reading.epoch != nil else { return nil }
        for field in fields {
            for (field, value) in field.values(in: text) ?? [] { reading.set(field, value) }
        }
        return reading
    }
}

/// The forms of lines of one kind of training.
struct ProgressProfile: Hashable, Sendable {
    var name: String
    var patterns: [ProgressPattern]
    /// Whether its lines are looked for in every log, also where another profile gives the steps.
    var isCommon = false
}
