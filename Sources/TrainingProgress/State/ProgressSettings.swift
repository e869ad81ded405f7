/// From when on a training is silent.
package struct ProgressSettings: Hashable, Sendable {
    /// How many times the 99th percentile of the time between two lines of steps may pass: 5.
    package var silentFactor = 5
    /// But at least so long, in seconds: 60.
    package var silentFloor = 60.0
    /// How long the first step may take, after each start, in seconds: half an hour.
    package var firstStep = 1800.0
    /// How long an evaluation or a checkpoint may take, in seconds: a quarter of an hour.
    package var pause = 900.0

    package init() {}
}

/// A moment on both clocks.
package struct ProgressMoment: Hashable, Sendable {
    /// Seconds since 1970.
    package var wall: Double
    /// Seconds on a clock that never jumps.
    package var steady: Double

    package init(wall: Double, steady: Double) {
        self.wall = wall
        self.steady = steady
    }
}
