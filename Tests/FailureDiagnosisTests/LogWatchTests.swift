import CoreMetrics
import Diagnosis
@testable import FailureDiagnosis
import InMemoryLogging
import Logging
import Synchronization
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1))) struct LogWatchTests {
    private static let outOfMemory = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"
    private static let fallenOff = "[ 7532.345678] NVRM: Xid (PCI:0000:c3:00): 79, pid=12, GPU has fallen off the bus."

    private let registry = TelemetryRegistry()
    private let handler = InMemoryLogHandler()
    /// Seconds since the test began.
    private let time = Times()

    private final class Times: Sendable {
        private let began = ContinuousClock.now
        private let passed = Mutex<Int64>(0)

        var seconds: Int64 { passed.withLock { $0 } }
        var instant: ContinuousClock.Instant { began + .seconds(seconds) }

        func pass(_ seconds: Int64) { passed.withLock { $0 += seconds } }
    }

    /// Root causes count at once, unless `isHeld`: then when `settle` is called.
    private func watch(_ rules: RuleTable = .builtIn, isHeld: Bool = false) -> LogWatch {
        let handler = handler
        return LogWatch(
            rules: rules, settle: .seconds(30), logger: Logger(label: "test") { _ in handler }, factory: registry,
            wallClock: { [time] in 1000 + time.seconds }, clock: { [time] in time.instant },
            after: { [held] _, body in
                if isHeld { held.add(body) } else { body() }
            })
    }

    private let held = HeldWork()

    /// What waits until time has passed.
    private final class HeldWork: Sendable {
        private let bodies = Mutex<[@Sendable () -> Void]>([])

        func add(_ body: @escaping @Sendable () -> Void) { bodies.withLock { $0.append(body) } }

        func settle() {
            let bodies = bodies.withLock { bodies in
                defer { bodies = [] }
                return bodies
            }
            for body in bodies { body() }
        }
    }

    private static func steps(_ range: ClosedRange<Int>) -> String {
        range.map { "2026-11-24 00:00:0\($0) INFO step \($0) loss 0.5\n" }.joined()
    }

    @Test func whatTheTrainingSurvivesIsNoFinding() {
        let watch = watch(isHeld: true)
        watch.observe(Self.steps(1...3) + "\(Self.outOfMemory)\n" + Self.steps(4...5), of: "/a")
        watch.observe(Self.steps(6...6), of: "/a")
        held.settle()
        #expect(newest.isEmpty && handler.entries.isEmpty && counts == [:])
        #expect(samples("arobust_log_findings_survived_total").map(\.value) == [1])
    }

    @Test func whatEndsTheTrainingIsOne() {
        let watch = watch(isHeld: true)
        watch.observe("\(Self.outOfMemory)\n" + Self.steps(4...5), of: "/a")
        #expect(newest.isEmpty)
        // Another log's steps say nothing about this one.
        watch.observe(Self.steps(1...9), of: "/b")
        held.settle()
        #expect(newest.count == 1 && handler.entries.count == 1 && counts == ["gpu-memory root-cause": 1])
    }

    @Test func anAlarmIsWithdrawnWhenTheTrainingGoesOn() {
        let watch = watch(isHeld: true)
        watch.observe("\(Self.outOfMemory)\n", of: "/a")
        held.settle()
        #expect(newest.count == 1)
        time.pass(40)
        watch.observe(Self.steps(4...6), of: "/a")
        #expect(newest.isEmpty)
        #expect(handler.entries.map(\.level) == [.warning, .notice])
        watch.observe("\(Self.outOfMemory)\n", of: "/a")
        time.pass(30)
        held.settle()
        #expect(newest.count == 1 && handler.entries.count == 3)
    }

    @Test func aWatchThatFollowsAnotherTellsOrWithdrawsWhatThatOneHasRead() {
        let (first, second, third) = (watch(isHeld: true), watch(isHeld: true), watch(isHeld: true))
        first.observe("\(Self.outOfMemory)\n", of: "/a")
        second.follow(first)
        third.follow(second)
        held.settle()
        #expect(handler.entries.map(\.level) == [.warning])
        time.pass(40)
        third.observe(Self.steps(4...6), of: "/a")
        #expect(handler.entries.map(\.level) == [.warning, .notice])
    }

    /// The kernel's log has no steps of its own.
    @Test func stepsInAnyLogFollowTheKernelsLines() {
        let watch = watch(isHeld: true)
        watch.observe("\(Self.fallenOff)\n", of: "/kernel")
        watch.observe(Self.steps(1...3), of: "/a")
        held.settle()
        #expect(newest.isEmpty)
    }

    @Test(arguments: [
        "Exception ignored in: <function F.__del__ at 0x7f>\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\nValueError: x\n",
        "WARNING: no triton\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\nModuleNotFoundError: No module named 'triton'\n",
        "an example: NVRM: Xid (PCI:0000:c3:00): 79, pid=12, GPU has fallen off the bus.\n",
    ])
    func whatEndsNothingIsNoFinding(_ text: String) {
        watch().observe(text, of: "/a")
        #expect(newest.isEmpty)
    }

    private func samples(_ name: String) -> [PrometheusSample] {
        registry.text().split(separator: "\n").compactMap { PrometheusSample($0) }.filter {
            $0.name == name && $0.value != 0
        }
    }

    private var counts: [String: Double] {
        let pairs = samples("arobust_log_findings_total").map {
            ("\($0.labels["domain"] ?? "") \($0.labels["role"] ?? "")", $0.value)
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    private var newest: [PrometheusSample] { samples("arobust_log_finding_seen_at_seconds") }

    @Test func countsByDomainAndRole() {
        let watch = watch()
        watch.observe("step 1\n\(Self.outOfMemory)\nstep 2\nncclRemoteError: gone\nncclRemoteError: gone", of: "/a")
        watch.observe("[ 7532.345678] NVRM: Xid (PCI:1): 44, x", of: "/b")
        #expect(counts == ["gpu-memory root-cause": 1, "network cascade": 2, "gpu information": 1])
        #expect(newest.count == 3)
    }

    @Test func aSeriesForEachKindIsThereFromTheStart() {
        _ = watch()
        let lines = registry.text().split(separator: "\n").filter { $0.hasPrefix("arobust_log_findings_total{") }
        #expect(lines.count > 10)
        #expect(lines.allSatisfy { $0.hasSuffix(" 0") })
        #expect(!lines.contains { $0.contains(#"role="start""#) })
    }

    @Test func keepsTheTimeAndPlaceOfTheNewestHit() throws {
        let watch = watch()
        watch.observe(Self.fallenOff, of: "/a")
        time.pass(5)
        watch.observe(Self.fallenOff, of: "/b")
        let sample = try #require(newest.first)
        #expect(newest.count == 1)
        #expect(sample.value == 1005)
        let labels = [
            "rule": "nvidia.xid.79", "title": "Xid 79: GPU has fallen off the bus", "domain": "gpu",
            "role": "root-cause", "file": "/b",
        ]
        #expect(sample.labels == labels)
        time.pass(5)
        watch.observe(Self.fallenOff, of: "/b")
        #expect(newest.map(\.value) == [1010])
    }

    @Test func tellsARootCauseAtOnceAndThenOnceAMinute() throws {
        let watch = watch()
        watch.observe("\(Self.outOfMemory)\n\(Self.outOfMemory)\nncclRemoteError: gone", of: "/a")
        #expect(handler.entries.count == 1)
        let entry = try #require(handler.entries.first)
        #expect(entry.level == .warning)
        #expect(entry.metadata["rule"] == "cuda.out-of-memory")
        #expect(entry.metadata["path"] == "/a")
        #expect(entry.metadata["text"] == "\(Self.outOfMemory)")
        #expect(entry.metadata["title"] != nil)
        #expect(entry.metadata["suppressed"] == nil)
        time.pass(59)
        watch.observe("\(Self.outOfMemory)\n\(Self.outOfMemory)", of: "/b")
        #expect(handler.entries.count == 1)
        watch.observe(Self.fallenOff, of: "/a")
        #expect(handler.entries.count == 2)
        time.pass(1)
        watch.observe(Self.outOfMemory, of: "/b")
        #expect(handler.entries.count == 3)
        #expect(handler.entries.last?.metadata["suppressed"] == "3")
    }

    @Test func theTextThatIsToldIsShortAndPlain() throws {
        let watch = watch()
        watch.observe("\u{1B}[31m\(Self.outOfMemory)\(String(repeating: "é", count: 5000))", of: "/a")
        let text = try #require(handler.entries.first?.metadata["text"]).description
        #expect(text.hasPrefix("torch.OutOfMemoryError"))
        #expect(text.unicodeScalars.count == LogWatch.longestText)
    }

    @Test func aRuleThatTakesSeveralLinesIsSeenWithThem() throws {
        let rules = try RuleTable(
            yaml: """
                rules:
                  - {id: a.b, title: T, any: [needle-text], domain: host, role: root-cause, action: event,
                     count: 3, within: 10m}
                """, name: "test")
        let watch = watch(rules)
        watch.observe("needle-text", of: "/a")
        time.pass(601)
        watch.observe("needle-text\nneedle-text", of: "/a")
        #expect(newest.isEmpty)
        #expect(handler.entries.isEmpty)
        #expect(counts == ["host root-cause": 3])
        watch.observe("needle-text", of: "/a")
        #expect(newest.count == 1)
        #expect(handler.entries.count == 1)
    }

    @Test func piecesAndBrokenBytesAreSearchedToo() {
        let watch = watch()
        watch.observe("\u{FFFD}\(Self.outOfMemory)\u{FFFD} [arobust: line continues]", of: "/a")
        watch.observe("50%|#####\r\(Self.fallenOff)\r60%|######", of: "/a")
        watch.observe("", of: "/a")
        #expect(counts == ["gpu-memory root-cause": 1, "gpu root-cause": 1])
        #expect(handler.entries.last?.metadata["text"] == "\(Self.fallenOff)")
    }

    @Test func manyLogsAtOnceAreCountedInFull() async {
        let watch = watch()
        await withTaskGroup(of: Void.self) { group in
            for log in 0..<8 {
                group.addTask {
                    for _ in 0..<500 {
                        watch.observe("\(Self.outOfMemory)\n\(Self.fallenOff)", of: "/\(log)")
                    }
                }
            }
        }
        #expect(counts == ["gpu-memory root-cause": 4000, "gpu root-cause": 4000])
        #expect(Set(newest.map { $0.labels["rule"] }) == ["cuda.out-of-memory", "nvidia.xid.79"])
        #expect(newest.count == 2)
        #expect(handler.entries.count == 2)
    }

    @Test func everyMetricHasAHelpText() {
        watch().observe(Self.outOfMemory, of: "/a")
        let names = registry.text().split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
            .map { "\($0.split(separator: " ")[2])" }
        #expect(names.count == 4)
        for name in names { #expect(MetricCatalog.help[name] != nil, "\(name)") }
    }
}
