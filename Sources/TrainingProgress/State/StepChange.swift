/// Tells when a training has become slow: a change in the time of its steps.
///
/// The median of the last 20 step times is compared with the median of those before, at least 50: it must be a quarter higher, and higher by
/// two standard deviations (of the median's distances, so that a few slow steps say nothing). Three quarters of the 20 must be
/// slower by a tenth, so that many long steps among usual ones are none. For independent times that is next to impossible without a change (`StepChangeTests` measures it, also with long tails). It ends
/// when the median is back within a tenth. After 512 slow steps in a row they are what is usual.
struct StepChange: Hashable, Sendable {
    static let recent = 20
    static let least = 50
    static let factor = 1.25
    static let backFactor = 1.1

    /// Those before the last 20, the oldest first.
    private var earlier = StepSamples()
    private var last: [Double] = []
    private var slowSteps = 0
    /// While slow: the usual step time, in seconds.
    private(set) var slowAgainst: Double?
    private var usualMedian = 0.0
    private var usualDeviation = 0.0
    private var sinceUsual = 0

    var isSlow: Bool { slowAgainst != nil }
    /// The median of the last step times; `nil` until there are enough.
    var recentMedian: Double? { last.count == Self.recent ? StepSamples.median(of: last) : nil }
    /// How long a step takes mostly, in seconds; cheaper than `median`.
    var usual: Double? { usualMedian > 0 ? usualMedian : StepSamples.median(of: last) }
    /// The median of all that are remembered.
    var median: Double? { StepSamples.median(of: earlier.inOrder + last) }

    /// - Returns: whether it became slow, or ended to be so.
    mutating func add(_ seconds: Double) -> Bool {
        guard seconds.isFinite, seconds > 0 else { return false }
        last.append(seconds)
        guard last.count > Self.recent else { return false }
        let oldest = last.removeFirst()
        if slowAgainst == nil { addUsual(oldest) }
        guard earlier.count >= Self.least, let now = recentMedian else { return false }
        if let usual = slowAgainst {
            slowSteps += 1
            if slowSteps >= StepSamples.capacity {
                forget()
                return true
            }
            guard now <= usual * Self.backFactor else { return false }
            slowAgainst = nil
            return true
        }
        let isSlow =
            now >= usualMedian * Self.factor && now - usualMedian >= 2 * usualDeviation && usualMedian > 0
            && last.sorted()[Self.recent / 4] >= usualMedian * Self.backFactor
        if isSlow { (slowAgainst, slowSteps) = (usualMedian, 0) }
        return isSlow
    }

    private mutating func addUsual(_ seconds: Double) {
        earlier.add(seconds)
        sinceUsual += 1
        // Sorting 512 numbers at each step would be the dearest part of it.
        guard earlier.count < Self.least * 2 || sinceUsual >= 16 else { return }
        sinceUsual = 0
        let values = earlier.inOrder
        usualMedian = StepSamples.median(of: values) ?? 0
        usualDeviation = StepSamples.deviation(of: values, around: usualMedian)
    }

    /// Learns anew, as after a restart with other settings.
    mutating func forget() {
        earlier.removeAll()
        last = []
        slowAgainst = nil
        slowSteps = 0
        usualMedian = 0
    }
}
