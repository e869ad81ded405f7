import Diagnosis
import FailureDiagnosis
import TestSupport
import Testing

/// What a training went on after is no cause.
@Suite struct ProgressTests {
    private let oom = "CUDA out of memory. Tried to allocate 2 GiB"

    private func cause(_ lines: [String]) throws -> (rule: String?, offset: Int?) {
        let scratch = ScratchFolder()
        var failure = TrainingFailure()
        failure.logs = [LogSource(path: try scratch.write(lines.joined(separator: "\n") + "\n", to: "l.log"))]
        failure.clock = LogClock(now: 1_795_482_000)
        let cause = FailureDiagnostician(.builtIn).diagnose(failure).cause
        return (cause?.rule, cause?.offset)
    }

    private func steps(_ range: Range<Int>, every seconds: Int = 10) -> [String] {
        range.map { step in
            let second = step * seconds
            let time = "\(second / 60 / 10)\(second / 60 % 10):\(second % 60 / 10)\(second % 60 % 10)"
            return "2026-11-24 00:\(time) INFO step \(step) loss 0.\(step)"
        }
    }

    @Test func aHandledErrorIsNotBlamed() throws {
        #expect(try cause(steps(0..<20) + [oom] + steps(20..<60) + ["ValueError: end"]).rule == "python.exception")
    }

    @Test func ofARuleTheLastLineIsBlamedWhenTheFirstWasHandled() throws {
        let before = steps(0..<20) + [oom] + steps(20..<60)
        let found = try cause(before + [oom])
        #expect(found.rule == "cuda.out-of-memory")
        #expect(found.offset == before.joined(separator: "\n").utf8.count + 1)
    }

    @Test func otherRanksMayGoOnForALittleWhile() throws {
        #expect(try cause(steps(0..<20) + [oom] + steps(20..<24) + ["ValueError: end"]).rule == "cuda.out-of-memory")
    }

    /// A hang: nothing but the ends of time-outs follows, much later.
    @Test func aHangKeepsItsCause() throws {
        let late = ["2026-11-24 00:45:00 [rank1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=9)"]
        #expect(try cause(steps(0..<20) + [oom] + late).rule == "cuda.out-of-memory")
    }

    /// In a hang, a thread of its own writes on; ranks were left waiting.
    @Test func aHeartbeatIsNoProgressWhereNothingElseExplainsTheFailure() throws {
        let late = ["2026-11-24 00:45:00 [rank1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=9)"]
        #expect(try cause(steps(0..<20) + [oom] + steps(20..<200) + late).rule == "cuda.out-of-memory")
    }

    @Test func withoutTimesManyLinesAreProgress() throws {
        func plain(_ range: Range<Int>) -> [String] { range.map { "step \($0) loss 0.\($0)" } }
        #expect(try cause(plain(0..<20) + [oom] + plain(20..<300) + ["ValueError: end"]).rule == "python.exception")
        #expect(try cause(plain(0..<20) + [oom] + plain(20..<100) + ["ValueError: end"]).rule == "cuda.out-of-memory")
    }
}
