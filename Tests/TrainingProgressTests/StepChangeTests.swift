import TestSupport
import Testing

@testable import TrainingProgress

/// How often the change point is wrong, measured on random step times.
@Suite(.serialized) struct StepChangeTests {
    /// Step times as trainings have them: the logarithm is normal, and some steps are long.
    private func seconds(_ random: inout SeededGenerator, spread: Double, stalls: Double) -> Double {
        var normal = 0.0
        for _ in 0..<12 { normal += Double.random(in: 0..<1, using: &random) }
        let time = 1 + spread * (normal - 6)
        return max(
            0.05, Double.random(in: 0..<1, using: &random) < stalls ? time * .random(in: 2...20, using: &random) : time)
    }

    @Test(arguments: [(0.02, 0.0), (0.1, 0.02), (0.3, 0.05), (0.05, 0.2)])
    func aHealthyTrainingIsHardlyEverCalledSlow(spread: Double, stalls: Double) async {
        var random = SeededGenerator(seed: 7)
        var (alarms, steps) = (0, 0)
        for _ in 0..<10 {
            var change = StepChange()
            for _ in 0..<500 {
                if change.add(seconds(&random, spread: spread, stalls: stalls)), change.isSlow { alarms += 1 }
                steps += 1
            }
            await Task.yield()
        }
        // All four together: fewer than one in 5,000 steps.
        #expect(alarms <= 1, "\(alarms) of \(steps)")
    }

    @Test(arguments: [0.02, 0.1])
    func aTrainingThatBecomesAThirdSlowerIsFound(spread: Double) {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<20 {
            var change = StepChange()
            for _ in 0..<300 { _ = change.add(seconds(&random, spread: spread, stalls: 0.02)) }
            #expect(!change.isSlow)
            var found: Int?
            for step in 0..<60 where found == nil {
                if change.add(1.34 * seconds(&random, spread: spread, stalls: 0.02)), change.isSlow { found = step }
            }
            #expect((found ?? .max) < 40)
        }
    }

    @Test func whatLastsIsUsual() {
        var change = StepChange()
        for _ in 0..<100 { _ = change.add(1) }
        for _ in 0..<50 { _ = change.add(2) }
        #expect(change.isSlow)
        for _ in 0..<600 { _ = change.add(2) }
        #expect(!change.isSlow)
    }

    @Test func samplesAreBounded() {
        var samples = StepSamples()
        for value in 0..<10_000 { samples.add(Double(value)) }
        #expect(samples.count == 512 && samples.inOrder.first == 9488 && samples.inOrder.last == 9999)
        #expect(samples.median == 9743.5)
        #expect(samples.percentile99 == 9994)
        var few = StepSamples()
        for value in [1.0, 2, 50] { few.add(value) }
        #expect(few.percentile99 == 50)
    }

    @Test func goodputOfALongTraining() {
        var goodput = Goodput()
        goodput.begin(at: 0)
        for step in 1...5000 { goodput.add(step: Double(step), seconds: 1, usual: 1, at: Double(step)) }
        #expect(goodput.ratio() == 1)
        goodput.lose(from: 2500)
        #expect(abs(goodput.kept - 2500) < 20 && abs(goodput.lost - 2500) < 20)
        // A stall counts with three usual steps.
        goodput.add(step: 2501, seconds: 1000, usual: 1, at: 6000)
        #expect(abs(goodput.kept - 2503) < 20)
        #expect(abs((goodput.ratio() ?? 0) - 2503.0 / 6000) < 0.01)
    }
}
