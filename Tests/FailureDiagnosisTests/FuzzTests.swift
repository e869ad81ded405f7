import Diagnosis
import FailureDiagnosis
import Foundation
import TestSupport
import Testing

/// Whatever is in the files, there is a verdict. One after the other: each computes without a pause, on a thread that other suites need.
@Suite(.serialized) struct FuzzTests {
    private static let samples: [[UInt8]] = {
        let jobs = TestFiles.corpus + "/jobs"
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: jobs)) ?? []
        return names.sorted().filter { $0.hasSuffix(".log") || $0.hasSuffix(".json") }
            .compactMap { try? TestFiles.read("\(jobs)/\($0)") }
    }()

    private func mutated(_ random: inout SeededGenerator) -> [UInt8] {
        var bytes = Self.samples.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 0...20, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes[place] = .random(in: 0...255, using: &random)
            case 1: bytes.removeSubrange(place..<min(bytes.count, place + 40))
            case 2: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 200)], at: place)
            default: bytes.removeLast(bytes.count - place)
            }
        }
        return bytes
    }

    @Test(arguments: 1...8) func thereIsAlwaysAVerdict(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let diagnostician = FailureDiagnostician(.builtIn)
        let scratch = ScratchFolder()
        for _ in 0..<15 {
            var failure = TrainingFailure()
            failure.clock = LogClock(now: 1_795_482_000, bootTime: Bool.random(using: &random) ? 1_795_400_000 : nil)
            for name in ["a.log", "b.log", "e.json", "k.log"] {
                try Data(mutated(&random)).write(to: URL(filePath: scratch.path + "/" + name))
            }
            failure.logs = [
                LogSource(path: scratch.path + "/a.log"), LogSource(path: scratch.path + "/b.log", rank: 1),
            ]
            failure.errorFiles = [LogSource(path: scratch.path + "/e.json", rank: .random(in: 0...3, using: &random))]
            failure.kernelLog = scratch.path + "/k.log"
            failure.failures = String(decoding: mutated(&random), as: UTF8.self)
            failure.restartCount = .random(in: -1...5, using: &random)
            let verdict = diagnostician.diagnose(failure)
            #expect(verdict.json.text != nil)
            #expect(verdict.lines.first == "Action: \(verdict.action.type)")
        }
    }

    @Test func deepJSONIsText() {
        var failure = TrainingFailure()
        failure.failures = String(repeating: "[", count: 100_000)
        #expect(FailureDiagnostician(.builtIn).diagnose(failure).action.type == "restart_worker")
        failure.failures =
            #"{"error": "# + String(repeating: "[", count: 3000) + String(repeating: "]", count: 3000) + "}"
        #expect(FailureDiagnostician(.builtIn).diagnose(failure).action.type == "restart_worker")
    }

    /// A rule file that is mutated is read, or refused with a place.
    @Test(arguments: 1...4) func aRuleFileIsReadOrRefused(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let text =
            "rules:\n  - {id: a, title: t, any: [x y z], regex: 'a+', domain: gpu, role: cascade, action: event, count: 3, within: 10s}\n"
        for _ in 0..<100 {
            var bytes = Array(text.utf8)
            for _ in 0..<3 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 32...126, using: &random)
            }
            do throws(RuleTableError) {
                _ = RuleMatcher(try RuleTable(yaml: String(decoding: bytes, as: UTF8.self), name: "f"))
            } catch {
                #expect(error.place.hasPrefix("f"))
            }
        }
    }
}
