import Diagnosis
import Hang
import Testing

@testable import TrainingProgress

/// A training under a clock that the test moves.
struct ProgressWatchTests {
    @Test func stepsAreCountedAndTimed() throws {
        let fixture = TrainingFixture()
        for step in 0..<60 {
            fixture.read("step \(step)/1000 loss 2.31 tokens/s 183000")
            fixture.pass(2)
        }
        let state = try #require(fixture.state())
        #expect(state.step == 59 && state.total == 1000 && state.state == .running && state.profile == "numbered-steps")
        #expect(abs((state.stepSeconds ?? 0) - 2) < 1e-6)
        #expect(state.loss == 2.31 && state.throughput == 183_000 && state.throughputUnit == "tokens/s")
        #expect((state.goodput ?? 0) > 0.95)
        #expect(fixture.kinds == [.running])
        #expect(fixture.suspicions.all.isEmpty)
    }

    @Test func silenceIsToldOnceAndEndsWithTheNextStep() throws {
        let fixture = TrainingFixture()
        for step in 0..<60 {
            fixture.read("step \(step) loss 2.31", of: "/logs/rank_3.log")
            fixture.pass(2)
        }
        fixture.pass(57)
        #expect(fixture.kinds == [.running])
        fixture.pass(10)
        #expect(fixture.kinds == [.running, .silent])
        let suspicion = try #require(fixture.suspicions.all.first)
        #expect(suspicion.trigger == .noProgress && suspicion.rank == 3)
        #expect(suspicion.text.contains("rank 3 has made no step for") && suspicion.text.contains("step 59"))
        // Other lines are no steps.
        for _ in 0..<50 {
            fixture.read("still waiting for the loader", of: "/logs/rank_3.log")
            fixture.pass(20)
        }
        #expect(fixture.suspicions.all.count == 1)
        #expect(fixture.state(of: "/logs/rank_3.log")?.state == .silent)
        fixture.read("step 60 loss 2.31", of: "/logs/rank_3.log")
        fixture.judge()
        #expect(fixture.kinds == [.running, .silent, .running])
        #expect(fixture.state(of: "/logs/rank_3.log")?.state == .running)
    }

    @Test func aLongUsualTimeBetweenLinesMakesItPatient() {
        let fixture = TrainingFixture()
        for step in 0..<20 {
            fixture.read("step \(step * 100) loss 2.31")
            fixture.pass(60)
        }
        fixture.pass(200)
        #expect(!fixture.kinds.contains(.silent))
        fixture.pass(100)
        #expect(fixture.kinds.contains(.silent))
    }

    @Test func theFirstStepMayTakeLong() {
        let fixture = TrainingFixture()
        fixture.read("***** Running training *****")
        fixture.pass(1700)
        #expect(fixture.state()?.state == .starting && fixture.suspicions.all.isEmpty)
        fixture.pass(200)
        #expect(fixture.suspicions.all.count == 1)
        // One step says nothing of how long the next takes: it may compile.
        let other = TrainingFixture()
        other.read("step 0 loss 2.31")
        other.pass(1700)
        #expect(other.suspicions.all.isEmpty)
    }

    @Test(arguments: [
        ("saving checkpoint at iteration      60 to /ckpt in torch_dist format", ProgressState.checkpointing),
        ("Evaluating on 5120 samples", .evaluating),
    ])
    func aPauseThatIsAnnouncedHasItsOwnCeiling(line: String, during: ProgressState) {
        let fixture = TrainingFixture()
        for step in 0..<60 {
            fixture.read("iteration  \(step)/ 1000 | lm loss: 2.3 |")
            fixture.pass(2)
        }
        fixture.read(line)
        fixture.pass(800)
        #expect(fixture.state()?.state == during)
        #expect(fixture.suspicions.all.isEmpty)
        fixture.pass(200)
        #expect(fixture.suspicions.all.count == 1)
    }

    @Test func aPauseIsNoSlowStepAndNotUsual() throws {
        let fixture = TrainingFixture()
        for step in 0..<200 {
            fixture.read("iteration  \(step)/ 1000 | lm loss: 2.3 |")
            fixture.pass(1)
            guard step % 20 == 19 else { continue }
            fixture.read("saving checkpoint at iteration \(step) to /ckpt")
            fixture.pass(50)
            fixture.read("successfully saved checkpoint from iteration \(step) to /ckpt")
        }
        let state = try #require(fixture.state())
        #expect(abs((state.stepSeconds ?? 0) - 1) < 1e-6)
        #expect(state.silenceLimit == 60)
        // 200 seconds of steps, 500 of checkpoints.
        #expect((0.25...0.33).contains(state.goodput ?? 0))
        #expect(fixture.kinds == [.running])
    }

    @Test func aSlowTrainingIsToldAndSoIsItsEnd() throws {
        let fixture = TrainingFixture()
        var step = 0
        func train(_ count: Int, _ milliseconds: Double) {
            for _ in 0..<count {
                fixture.read(
                    "iteration \(step)/ 9000 | elapsed time per iteration (ms): \(milliseconds + Double(step % 7)) | lm loss: 2 |"
                )
                fixture.pass(1)
                step += 1
            }
        }
        train(200, 1000)
        #expect(fixture.kinds == [.running])
        train(40, 1400)
        #expect(fixture.kinds == [.running, .slow])
        let state = try #require(fixture.state())
        #expect(state.state == .slow && abs((state.usualStepSeconds ?? 0) - 1.003) < 0.002)
        train(40, 1000)
        #expect(fixture.kinds == [.running, .slow, .running])
        #expect(fixture.suspicions.all.isEmpty)
    }

    @Test func aRestartLosesTheStepsThatAreMadeAgain() throws {
        let fixture = TrainingFixture()
        for step in 0..<100 {
            fixture.read("step \(step) loss 2.31")
            fixture.pass(2)
        }
        fixture.pass(20)
        for step in 50..<100 {
            fixture.read("step \(step) loss 2.31")
            fixture.pass(2)
        }
        let state = try #require(fixture.state())
        #expect(state.restarts == 1 && fixture.kinds == [.running, .restarted])
        #expect(abs(state.lostSeconds - 98) <= 4)
        // 200 seconds of kept steps of 320.
        #expect((0.58...0.66).contains(state.goodput ?? 0))
    }

    @Test func batchesOfEpochsAreNoRestarts() {
        let fixture = TrainingFixture()
        for epoch in 0..<4 {
            for step in 0...40 {
                fixture.read("Epoch \(epoch):  50%|█████     | \(step)/40 [00:02<00:02,  9.11it/s, train_loss=0.7]")
                fixture.pass(1)
            }
        }
        #expect(fixture.state()?.restarts == 0)
        let bars = TrainingFixture()
        for _ in 0..<4 {
            for step in 0...40 {
                bars.read("\(step)/40 [======>.......] - ETA: 3:12 - loss: 3.0000")
                bars.pass(1)
            }
        }
        #expect(bars.state()?.restarts == 0)
    }

    @Test func aTrainingThatHasEndedIsNotSilent() {
        for ending in ["training ended", "Training completed. Do not forget to share your model", nil] {
            let fixture = TrainingFixture()
            for step in 0..<100 {
                fixture.read("step \(step)/100 loss 2.31")
                fixture.pass(1)
            }
            if let ending { fixture.read(ending) }
            fixture.pass(5000)
            #expect(fixture.suspicions.all.isEmpty, "\(ending ?? "its last step")")
        }
    }

    // MARK: backlogs

    @Test func aBacklogIsNeitherFastNorSilent() throws {
        let fixture = TrainingFixture()
        fixture.setModified("/logs/train.log", TrainingFixture.start)
        // An hour of training, read in an instant; the times are of a zone an hour off.
        var lines: [String] = []
        for step in 0..<3600 { lines.append("\(time(-7200 + Double(step))) INFO train: step \(step)/9000 loss 2.3") }
        for part in 0..<36 {
            fixture.read(lines[(part * 100)..<(part * 100 + 100)].joined(separator: "\n"), unread: 1 << 20)
            fixture.judge()
        }
        fixture.pass(600)
        #expect(fixture.suspicions.all.isEmpty && fixture.kinds.isEmpty)
        fixture.setModified("/logs/train.log", fixture.moment.wall)
        fixture.read("\(time(-3600)) INFO train: step 3600/9000 loss 2.3")
        fixture.judge()
        let state = try #require(fixture.state())
        #expect(abs((state.stepSeconds ?? 0) - 1) < 0.01 && state.step == 3600)
        #expect((state.goodput ?? 0) > 0.9)
        fixture.pass(50)
        #expect(fixture.suspicions.all.isEmpty)
        fixture.pass(20)
        #expect(fixture.suspicions.all.count == 1)
    }

    @Test func aBacklogWithoutTimesGivesNoStepTimes() throws {
        let fixture = TrainingFixture()
        for step in 0..<1000 { fixture.read("step \(step) loss 2.3", unread: 1 << 20) }
        let state = try #require(fixture.state())
        #expect(state.step == 999 && state.stepSeconds == nil && state.goodput == nil)
    }

    @Test func aLogOfYesterdayIsNotSilent() {
        let fixture = TrainingFixture()
        fixture.setModified("/logs/old.log", TrainingFixture.start - 80_000)
        fixture.setModified("/logs/hung.log", TrainingFixture.start - 10)
        for path in ["/logs/old.log", "/logs/hung.log"] {
            let lines = (0..<100).map { "\(time(-80_000 + Double($0))) INFO train: step \($0)/9000 loss 2.3" }
            fixture.read(lines.dropLast(50).joined(separator: "\n"), of: path, unread: 1 << 20)
            fixture.read(lines.dropFirst(50).joined(separator: "\n"), of: path)
        }
        fixture.pass(5000)
        #expect(fixture.suspicions.all.map(\.text).count == 1)
        #expect(fixture.state(of: "/logs/old.log")?.state == .running)
        #expect(fixture.state(of: "/logs/hung.log")?.state == .silent)
    }

    // MARK: ranks

    @Test func theRanksOfOneLogAreApart() {
        let fixture = TrainingFixture()
        for step in 0..<60 {
            fixture.read("[default0]:step \(step) loss 2.31")
            if step < 30 { fixture.read("[default1]:step \(step) loss 2.31") }
            fixture.pass(2)
        }
        fixture.pass(20)
        #expect(fixture.suspicions.all.map(\.rank) == [1])
    }

    @Test func aSlowRankAmongOthers() {
        let fixture = TrainingFixture()
        for step in 0..<200 {
            for rank in 0..<4 {
                let took = rank == 2 ? 1500 : 1000 + rank * 10 + step % 5
                fixture.read("iter \(step): loss 2.3, time \(took).00ms, mfu 12%", of: "/logs/rank\(rank).log")
            }
            fixture.pass(1)
        }
        #expect(fixture.state(of: "/logs/rank2.log")?.state == .slow)
        #expect(fixture.watch.snapshots.filter { $0.state == .slow }.count == 1)
    }

    @Test func aLaterAttemptUnderTorchrunIsTheSameTraining() throws {
        let fixture = TrainingFixture()
        let path = { (attempt: Int) in "/logs/job_abcdefgh/attempt_\(attempt)/1/stdout.log" }
        for step in 0..<100 {
            fixture.read("step \(step) loss 2.31", of: path(0))
            fixture.pass(1)
        }
        for step in 50..<100 {
            fixture.read("step \(step) loss 2.31", of: path(1))
            fixture.pass(1)
        }
        #expect(fixture.watch.snapshots.count == 1)
        let state = try #require(fixture.state(of: path(1)))
        #expect(state.restarts == 1 && state.rank == 1)
        fixture.pass(40)
        #expect(fixture.suspicions.all.isEmpty)
    }

    @Test func ofVeryManyTrainingsTheQuietestAreForgotten() {
        let fixture = TrainingFixture()
        for log in 0..<200 {
            fixture.read("step 1 loss 2.3", of: "/logs/\(log).log")
            fixture.pass(1)
        }
        #expect(fixture.watch.snapshots.count == ProgressWatch.mostTrainings)
        #expect(fixture.state(of: "/logs/199.log") != nil && fixture.state(of: "/logs/0.log") == nil)
    }

    private func time(_ seconds: Double) -> String {
        let whole = Int(TrainingFixture.start + seconds) - 1_795_392_000
        let (day, rest) = whole.quotientAndRemainder(dividingBy: 86400)
        let pad = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
        return "2026-11-\(pad(23 + day)) \(pad(rest / 3600)):\(pad(rest / 60 % 60)):\(pad(rest % 60)).000"
    }
}
