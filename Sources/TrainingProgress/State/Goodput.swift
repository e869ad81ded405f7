/// How much of the time since a training's start went into steps that were kept.
///
/// A step counts with the time since the line before it, but at most with three times the usual: what is beyond was a stall. Steps that are
/// made again after a restart are lost the first time.
struct Goodput: Hashable, Sendable {
    /// How much time went into the steps up to one of them.
    private struct Mark: Hashable {
        var step: Double
        var seconds: Double
    }

    private static let mostMarks = 512
    static let stall = 3.0

    /// When it began, in seconds since 1970.
    private(set) var start: Double?
    /// When the last line of it was written.
    private(set) var end: Double?
    /// The time in steps that were kept, and in those that were lost, in seconds.
    private(set) var kept = 0.0
    private(set) var lost = 0.0
    private var marks: [Mark] = []
    /// How far the marks are apart, in steps.
    private var stride = 0.0
    /// What was kept before the first mark.
    private var base = 0.0
    private var lastStep = 0.0

    mutating func begin(at time: Double) {
        if start == nil { start = time }
        end = max(end ?? time, time)
    }

    /// - Parameters:
    ///   - step: what the counter says now.
    ///   - seconds: since the line before.
    ///   - usual: how long it mostly takes from line to line.
    mutating func add(step: Double, seconds: Double, usual: Double?, at time: Double) {
        begin(at: time)
        kept += min(seconds, usual.map { $0 * Self.stall } ?? seconds)
        lastStep = step
        guard step >= (marks.last?.step ?? -.infinity) + stride else { return }
        marks.append(Mark(step: step, seconds: kept))
        guard marks.count > Self.mostMarks, let first = marks.first else { return }
        // Every second one: the steps between two marks are taken to be equally long.
        stride = max(stride * 2, 2 * (step - first.step) / Double(marks.count))
        marks = marks.enumerated().compactMap { $0.offset % 2 == 0 ? $0.element : nil }
    }

    /// The counter went back to `step`: what came after it is made again.
    mutating func lose(from step: Double) {
        let before = marks.last { $0.step <= step }
        let after = marks.first { $0.step > step } ?? Mark(step: lastStep, seconds: kept)
        var seconds = before?.seconds ?? base
        if let before, after.step > before.step {
            seconds += (after.seconds - before.seconds) * (step - before.step) / (after.step - before.step)
        }
        lost += max(0, kept - seconds)
        kept = min(kept, seconds)
        marks.removeAll { $0.step > step }
        lastStep = step
    }

    /// Goes on counting elsewhere, as where a new epoch begins with the first batch.
    mutating func forgetSteps() {
        (marks, stride, base) = ([], 0, kept)
    }

    /// From 0 to 1; `nil` if no time is known.
    ///
    /// - Parameter now: seconds since 1970, if the training goes on.
    func ratio(now: Double? = nil) -> Double? {
        guard let start, let end, case let wall = max(end, now ?? end) - start, wall > 0 else { return nil }
        return min(1, kept / wall)
    }
}
