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

    /// Two steps may be those of other ranks.
    @Test func otherRanksMayGoOnForALittleWhile() throws {
        #expect(try cause(steps(0..<20) + [oom] + steps(20..<22)).rule == "cuda.out-of-memory")
        #expect(try cause(steps(0..<20) + [oom] + steps(20..<23)).rule == nil)
    }

    /// A hang: nothing but the ends of time-outs follows, much later.
    @Test func aHangKeepsItsCause() throws {
        let late = ["2026-11-24 00:45:00 [rank1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=9)"]
        #expect(try cause(steps(0..<20) + [oom] + late).rule == "cuda.out-of-memory")
    }

    /// In a hang, a thread of its own writes on; that is no step.
    @Test func aHeartbeatIsNoProgress() throws {
        let late = ["2026-11-24 00:45:00 [rank1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=9)"]
        let beats = (0..<200).map { "2026-11-24 00:0\($0 / 60 % 10):\($0 % 6)0 heartbeat \($0), still alive" }
        #expect(try cause(steps(0..<20) + [oom] + beats + late).rule == "cuda.out-of-memory")
        let waits = (0..<200).map { "step 20: waiting for the checkpoint, \($0) s" }
        #expect(try cause(steps(0..<20) + [oom] + waits + late).rule == "cuda.out-of-memory")
    }

    @Test func stepsCountWithoutTimes() throws {
        func plain(_ range: Range<Int>) -> [String] { range.map { "step \($0) loss 0.\($0)" } }
        #expect(try cause(plain(0..<20) + [oom] + plain(20..<30) + ["ValueError: end"]).rule == "python.exception")
        #expect(try cause(plain(0..<20) + [oom] + plain(20..<22) + ["ValueError: end"]).rule == "cuda.out-of-memory")
    }

    /// Eight ranks write the same step.
    @Test func theSameStepOfEveryRankIsOne() throws {
        let same = (0..<8).map { "[rank\($0)]: step 20 loss 0.5" } + (0..<8).map { "[rank\($0)]: step 21 loss 0.5" }
        #expect(try cause(steps(0..<20) + [oom] + same).rule == "cuda.out-of-memory")
        #expect(try cause(steps(0..<20) + [oom] + same + ["[rank3]: step 22 loss 0.5"]).rule == nil)
    }

    @Test(arguments: [
        "step %d loss 2.42", " [2026-11-28 19:33:20] iteration     1%d/   10000 | consumed samples:  75520 |",
        " 12%|███ | 1%d/2427 [0:20:09<2:11:09,  4.10s/it]", "%d/400 [=====>........] - ETA: 12s - loss: 0.10031",
        "{'loss': 2.1116, 'grad_norm': nan, 'learning_rate': 1.992e-05, 'epoch': 0.3%d}", "Epoch %d: val_loss=0.3",
        "{\"step\": %d, \"loss\": 2.3}", "trained 1%d,000 tokens in 3 s",
        "I1128 19:02:11.1 7 train.py:3] global_step=%d",
        "loss 2.%d acc 0.9", "14%d,2.7558,0.0003,1795479604.852", "第 1%d 步 / 共 40 步，损失 2.3",
        "epoch 001: 1%d / 40 loss=2.3, wps=183",
        "[1%d]\ttraining's l2: 2.92312",
        "11/24 00:20:02 - mmengine - INFO - Epoch(train)  [1][ 1%d/40]  lr: 1.0e-02 loss: 2.8",
        "ステップ %d 損失 2.3",
    ])
    func manyFormsAreProgress(_ form: String) throws {
        let lines = (0..<10).map { number in
            form.split(separator: "%d", omittingEmptySubsequences: false).joined(separator: "\(number)")
        }
        #expect(try cause([oom] + lines).rule == nil)
        #expect(try cause(lines + [oom]).rule == "cuda.out-of-memory")
    }

    @Test(arguments: [
        "Waiting for rank 3, %d s", "[W1128] heartbeat %d of step monitor", "retry %d of step 7",
        "MeanSquaredError: 0.9%d",
        "reading 2026/11/2%d", "/data/epoch/%d/shard", "[rank%d]: NCCL INFO Channel 00", "step 7: loss is 0.5",
        "11/2%d 00:20:02 loading", "[80746] 1%d files are ready", "tests 3/1%d passed",
    ])
    func otherLinesAreNoProgress(_ form: String) throws {
        let lines = (0..<10).map { number in
            form.split(separator: "%d", omittingEmptySubsequences: false).joined(separator: "\(number)")
        }
        #expect(try cause([oom] + lines).rule == "cuda.out-of-memory")
    }
}
