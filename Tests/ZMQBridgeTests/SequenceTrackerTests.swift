import Diagnosis
import Testing

@testable import ZMQBridge

@Suite struct SequenceTrackerTests {
    private typealias Missing = (dataType: DiagnosisDataType, epoch: UInt64, missing: ClosedRange<UInt64>)

    private var tracker = SequenceTracker()

    private mutating func see(_ epoch: UInt64, _ sequence: UInt64, _ type: DiagnosisDataType = .generic)
        -> SequenceTracker.Observation
    {
        tracker.observe(lane: tracker.index(of: type), epoch: epoch, sequence: sequence)
    }

    private mutating func beat(_ epoch: UInt64, _ lasts: [(DiagnosisDataType, UInt64)]) -> [String] {
        let lanes = lasts.map { Beat.LaneRange(dataType: $0.0.rawValue, first: nil, last: [epoch, $0.1]) }
        return tracker.observe(Beat(lanes: lanes), epoch: epoch) { $0.rawValue != "UNWANTED" }
            .map { "\($0.dataType) \($0.epoch) \($0.missing)" }
    }

    @Test mutating func beginsWithTheFirstEnvelopeItSees() {
        #expect(see(5, 17) == .expected)
        #expect(see(5, 18) == .expected)
    }

    @Test mutating func namesAGapWithinAnEpoch() {
        _ = see(5, 1)
        #expect(see(5, 4) == .after(epoch: 5, missing: 2...3))
        #expect(see(5, 5) == .expected)
    }

    @Test mutating func takesNothingTwice() {
        _ = see(5, 3)
        #expect(see(5, 3) == .old)
        #expect(see(5, 1) == .old)
        #expect(see(4, 9) == .old)
        #expect(see(6, 0) == .old)
    }

    @Test mutating func expectsANewEpochToBeginAtOne() {
        _ = see(5, 3)
        #expect(see(6, 1) == .expected)
        #expect(see(8, 3) == .after(epoch: 8, missing: 1...2))
    }

    @Test mutating func seesALostTailFromTheBeat() {
        _ = see(5, 3)
        #expect(beat(5, [(.generic, 6)]) == ["GENERIC 5 4...6"])
        #expect(beat(5, [(.generic, 6)]) == [])
        #expect(see(5, 7) == .expected)
    }

    @Test mutating func missesNothingFromBeforeTheFirstBeat() {
        #expect(beat(5, [(.generic, 100)]) == [])
        #expect(see(5, 102) == .after(epoch: 5, missing: 101...101))
    }

    @Test mutating func missesALaneThatBeganAfterTheFirstBeat() {
        _ = beat(5, [(.generic, 1)])
        #expect(beat(5, [(.generic, 1), (.trainingLog, 2)]) == ["TRAINING_LOG 5 1...2"])
        #expect(see(5, 2, .stackTrace) == .after(epoch: 5, missing: 1...1))
    }

    @Test mutating func missesWhatARestartedPublisherSentBeforeItWasSeenAgain() {
        _ = beat(5, [(.generic, 1)])
        #expect(beat(6, [(.generic, 2)]) == ["GENERIC 6 1...2"])
        #expect(see(6, 3) == .expected)
    }

    @Test mutating func ignoresTypesThatAreNotWanted() {
        _ = beat(5, [])
        #expect(beat(5, [(DiagnosisDataType(rawValue: "UNWANTED"), 10)]) == [])
    }
}
