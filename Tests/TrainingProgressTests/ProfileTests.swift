import Testing

@testable import TrainingProgress

/// The built-in profiles read the lines that such programs write.
struct ProfileTests {
    private func reading(_ line: String, of profile: String? = nil) -> (reading: ProgressReading, profile: String?)? {
        let table = ProfileTable.builtIn
        var line = line
        return line.withUTF8 { utf8 in
            let found = ProgressLines(in: UnsafeRawBufferPointer(utf8), of: table, profile: nil).found.first
            return found.map { ($0.reading, $0.profile.map { table.profiles[$0].name }) }
        }
    }

    @Test func everyExampleIsReadByItsOwnProfile() throws {
        let profiles = ProfileTable.builtInProfiles
        #expect(profiles.map(\.name).contains("megatron-lm"))
        for profile in profiles {
            for pattern in profile.patterns {
                let found = try #require(reading(pattern.example), "\(pattern.example)")
                #expect(found.profile == profile.name, "\(pattern.example)")
                #expect(found.reading.event == pattern.event, "\(pattern.example)")
            }
        }
    }

    @Test func megatron() throws {
        let line =
            " [2026-11-24 00:20:00] iteration      100/    1000 | consumed samples:  51200 | elapsed time per iteration (ms): 1203.4 | "
            + "throughput per GPU (TFLOP/s/GPU): 412.1 | lm loss: 2.310000E+00 |"
        let found = try #require(reading(line)).reading
        #expect(found.step == 100 && found.total == 1000 && found.loss == 2.31)
        #expect(abs((found.stepSeconds ?? 0) - 1.2034) < 1e-9)
        #expect(found.throughput == 412.1 && found.throughputUnit == "TFLOP/s/GPU")
    }

    @Test func theTrainersDictHasQuotedNumbersInNewVersions() throws {
        for line in [
            "{'loss': 2.31, 'learning_rate': 5e-05, 'epoch': 0.37}",
            "{'loss': '2.31', 'grad_norm': '1', 'epoch': '0.37'}",
        ] {
            let found = try #require(reading(line)).reading
            #expect(found.event == .values && found.loss == 2.31 && found.epoch == 0.37)
        }
    }

    @Test func barsOfOtherThingsAreNoTraining() {
        #expect(reading("Loading checkpoint shards: 100%|██████████| 2/2 [00:00<00:00,  9.37it/s]")?.profile == nil)
        #expect(reading("Downloading data: 100%|██████████| 2.1M/2.1M [00:00<00:00, 9.37MB/s]")?.reading.event != .step)
    }

    @Test func tokensPerSecond() throws {
        let line =
            "step 00010/01000 (1.00%) | loss: 2.310000 | lrm: 1.00 | dt: 123.45ms | tok/sec: 183,000 | mfu: 40.12"
        let found = try #require(reading(line)).reading
        #expect(
            found.throughput == 183_000 && found.throughputUnit == "tokens/s" && found.step == 10 && found.total == 1000
        )
        #expect(abs((found.stepSeconds ?? 0) - 0.12345) < 1e-9)
    }

    @Test func withoutAProfileAStepIsFoundAsInADiagnosis() throws {
        let found = try #require(reading("episode 12 | reward 1.000"))
        #expect(found.profile == nil && found.reading.event == .step)
        #expect(reading("the weather is fine today") == nil)
        #expect(reading("waiting for rank 3, attempt 12") == nil)
    }

    @Test func aLineWithOtherTextIsFoundWhateverItsLength() {
        let padding = String(repeating: "x", count: 5000)
        #expect(reading("\(padding)\nstep 12 loss 2.31\n\(padding)")?.reading.step == 12)
    }

    @Test func aFileIsCheckedStrictly() {
        func problem(_ text: String) -> String {
            do throws(ProfileError) {
                _ = try ProfileFile(text: text, name: "own.yaml").profiles()
                return ""
            } catch { return "\(error)" }
        }
        let good =
            "profiles:\n  - name: own\n    patterns:\n      - event: step\n        line: 'done: {step}'\n        example: 'done: 12'\n"
        #expect(problem(good).isEmpty)
        #expect(problem(good.replacing("event: step", with: "event: stepp")).contains("own.yaml:4: event is 'stepp'"))
        #expect(problem(good.replacing("{step}'", with: "{stpe}'")).contains("{stpe} is no field"))
        #expect(problem(good.replacing("'done: 12'", with: "'done; 12'")).contains("does not fit its example"))
        #expect(
            problem(good.replacing("done: {step}", with: "at {step}").replacing("done: 12", with: "at 12")).contains(
                "4 bytes"))
        #expect(problem(good + "    nmae: x\n").contains("unknown key 'nmae'"))
        #expect(problem("profiles: 3").contains("must be a list"))
    }

    @Test func numbers() {
        func read(_ text: String) -> (Double, Int)? {
            Array(text.utf8).withUnsafeBytes { NumberText.read($0, at: 0) }.map { ($0.value, $0.end) }
        }
        for (text, value, end) in [
            ("12/40", 12.0, 2), ("1,234,567 x", 1_234_567, 9), ("0, 3", 0, 1), ("2.31E+00|", 2.31, 8),
            ("-1.5e-3,", -1.5e-3, 7),
            ("3.", 3, 1), ("1e", 1, 1), ("1,2345", 1, 1),
        ] {
            let found = read(text)
            #expect(found?.0 == value && found?.1 == end, "\(text)")
        }
        #expect(read("NaN")?.0.isNaN == true)
        #expect(read("x") == nil && read("") == nil && read("-") == nil)
    }
}
