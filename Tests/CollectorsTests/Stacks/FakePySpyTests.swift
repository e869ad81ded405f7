import Collectors
import Diagnosis
import Glibc
import TestSupport
import Testing

/// Against scripts in py-spy's place that do what py-spy should not. The process id is their fifth argument.
@Suite(.timeLimit(.minutes(1))) struct FakePySpyTests {
    let folder: ScratchFolder
    let log = LogCapture()
    let process: PythonProcess

    init() throws {
        folder = ScratchFolder()
        process = try PythonProcess("import time; print('ready'); time.sleep(600)")
    }

    private func stack(_ script: String, deadline: Duration = .seconds(20)) async throws -> ProcessStack {
        try await stack(path: folder.script("py-spy", script), deadline: deadline)
    }

    private func stack(path: String, deadline: Duration = .seconds(20)) async throws -> ProcessStack {
        let collector = StackCollector(
            node: NodeIdentity(),
            configuration: .init(
                target: .pids([process.pid]), pySpyPath: path, deadline: deadline, maxOutputBytes: 1_000_000),
            logger: log.logger)
        return try #require(await collector.collectData()?.first)
    }

    private func reason(_ stack: ProcessStack) -> String {
        guard case .kernel(let threads, let reason) = stack.content else { return "not the kernel's: \(stack.content)" }
        return threads.first?.osID == process.pid ? reason : "no thread"
    }

    @Test(arguments: [
        ("echo no dump", "py-spy wrote something other than a dump: 'no dump'"),
        ("echo '{}'", "py-spy wrote something other than a dump: '{}'"),
        ("exit 0", "py-spy wrote something other than a dump: ''"),
        ("printf '\\377\\000'", "py-spy wrote something other than a dump: '\u{FFFD}\0'"),
        ("echo '  Error: boom' >&2; echo 'Stack backtrace:' >&2; exit 1", "py-spy failed (exited(1)): Error: boom"),
        ("exit 3", "py-spy failed (exited(3)): it gave no reason"),
        ("kill -SEGV $$", "py-spy failed (signaled(11)): it gave no reason"),
        ("head -c 2000000 /dev/zero", "py-spy wrote more than 1000000 bytes and was killed"),
        ("head -c 2000000 /dev/zero >&2", "py-spy wrote more than 1000000 bytes and was killed"),
    ])
    func fallsBackToTheKernelAndSaysWhy(script: String, expected: String) async throws {
        #expect(reason(try await stack(script)) == expected)
        #expect(log.count("warning Some processes gave no Python stacks") == 1)
    }

    @Test func givesPySpyNothingToReadAndTheRightArguments() async throws {
        let script = "read line && exit 9; echo \"$@\" >&2; exit 1"
        let said = "py-spy failed (exited(1)): dump --nonblocking --json --pid \(process.pid)"
        #expect(reason(try await stack(script)) == said)
    }

    @Test func killsAHangingPySpyWithItsChildren() async throws {
        let script = "sleep 600 & echo $! > \(folder.file("child")); wait"
        let reason = reason(try await stack(script, deadline: .milliseconds(500)))
        #expect(reason == "py-spy did not end within 0.5 seconds and was killed")
        let child = try #require(Int32(try ProcText.read(folder.file("child")).dropLast()))
        try await eventually { ProcText.state(of: child).map { $0 == "Z" } ?? true }
    }

    @Test func continuesAProcessThatAKilledPySpyLeftStopped() async throws {
        _ = try await stack("kill -STOP $5; sleep 600", deadline: .milliseconds(500))
        try await eventually { ProcText.state(of: process.pid) == "S" }
        #expect(log.count("warning A killed py-spy left a process stopped; it was continued. pid=\(process.pid)") == 1)
    }

    @Test func leavesAProcessStoppedThatWasSoBefore() async throws {
        kill(process.pid, SIGSTOP)
        try await eventually { ProcText.state(of: process.pid) == "T" }
        let stack = try await stack("sleep 600", deadline: .milliseconds(300))
        #expect(stack.state == "T (stopped)")
        #expect(ProcText.state(of: process.pid) == "T")
    }

    @Test func notesThatTheProcessEndedMeanwhile() async throws {
        // A signal may be on its way while the next command runs already.
        let waits = "until ! [ -e /proc/$5 ] || grep -q ') [ZX]' /proc/$5/stat; do :; done"
        let stack = try await stack("kill -KILL $5; \(waits); echo '[]'")
        #expect(stack.content == ProcessStack.Content.none(reason: "the process ended while its stacks were taken"))
    }

    @Test func saysSoIfPySpyIsNotThere() async throws {
        let path = folder.file("none")
        let reason = reason(try await stack(path: path))
        #expect(reason == "py-spy cannot be used: cannot run \(path): No such file or directory")
    }

    @Test func makesOneRoundOfTwoTriggersAtOnce() async throws {
        let script = try folder.script(
            "py-spy", "touch \(folder.file("runs")); read line < \(folder.file("fifo")); echo '[]'")
        #expect(mkfifo(folder.file("fifo"), 0o600) == 0)
        let collector = StackCollector(
            node: NodeIdentity(), configuration: .init(target: .pids([process.pid]), pySpyPath: script),
            logger: log.logger)
        async let first = collector.collectData()
        try await eventually { access(folder.file("runs"), F_OK) == 0 }
        #expect(await collector.collectData() == nil)
        try folder.append("go\n", to: "fifo")
        #expect(await first?.first?.content == .python([]))
    }
}
