import Collectors
import Diagnosis
import Glibc
import TestSupport
import Testing

/// Against the real py-spy and real Python processes.
@Suite(.timeLimit(.minutes(1))) struct StackCollectorTests {
    let log = LogCapture()
    let client = RecordingClient()
    let node = NodeIdentity(id: 7, type: "worker", rank: 3)
    let program = """
        import sys, threading, time
        def inner():
            print("ready")
            time.sleep(600)
        def outer():
            inner()
        outer()
        """

    private func pySpy() throws -> String {
        try #require(
            PythonProcess.pySpy,
            "There is no py-spy: run scripts/bootstrap, which installs it, or set AROBUST_TEST_PY_SPY.")
    }

    private func collector(_ target: StackTarget, pySpy: String) async -> StackCollector {
        let collector = StackCollector(
            node: node, configuration: .init(target: target, pySpyPath: pySpy), logger: log.logger)
        await collector.setClient(client)
        return collector
    }

    @Test func reportsPythonStacksOfAllProcessesAsOneMetric() async throws {
        let processes = try [0, 1].map {
            try PythonProcess(
                program, arguments: ["--token", "hush"], environment: ["RANK": "\($0)", "LOCAL_RANK": "\($0)"])
        }
        let collector = try await collector(.pids(processes.map(\.pid)), pySpy: pySpy())
        #expect(await collector.isEnabled())
        let stacks = try #require(await collector.collectData())
        #expect(stacks.map(\.pid) == processes.map(\.pid))
        #expect(stacks.map(\.rank) == [0, 1])
        #expect(stacks.map(\.localRank) == [0, 1])
        for stack in stacks {
            guard case .python(let threads) = stack.content else {
                Issue.record("no Python stack: \(stack.content)")
                continue
            }
            #expect(threads.first?.name == "MainThread")
            #expect(threads.first?.osID == Int(stack.pid))
            #expect(threads.first?.frames.map(\.function) == ["inner", "outer", "<module>"])
            #expect(stack.command.hasSuffix("--token [redacted]"))
        }
        #expect(await collector.storeData(stacks))
        let metric = try #require(client.metrics.first)
        #expect(client.metrics.count == 1)
        #expect(metric.dataType == .stackTrace)
        #expect(metric.node == node)
        #expect(metric.timestamp == stacks[0].timestamp)
        #expect(metric.dataContent.contains("Process \(processes[1].pid), rank 1, local rank 1, S (sleeping)"))
        #expect(metric.dataContent.contains("    inner (<string>:4)\n    outer (<string>:6)\n"))
        #expect(log.count("debug Reported stack trace: \(metric.dataContent.unicodeScalars.count) characters") == 1)
    }

    @Test func findsTheRanksAndNeitherLauncherNorHelpers() async throws {
        let launcher = try PythonProcess(
            """
            import os, subprocess, sys, time
            worker = '''
            import os, time
            pid = os.fork()
            if pid: print(os.getpid(), pid, flush=True)
            time.sleep(600)
            '''
            pids = []
            for rank in range(2):
                environment = dict(os.environ, RANK=str(rank + 4), LOCAL_RANK=str(rank))
                child = subprocess.Popen([sys.executable, "-c", worker], env=environment, stdout=subprocess.PIPE)
                pids += child.stdout.readline().decode().split()
            print("ready", *pids)
            time.sleep(600)
            """, environment: ["RANK": "4", "TORCHELASTIC_RUN_ID": "test"])
        let pids = launcher.words.dropFirst().compactMap { Int32($0) }
        try #require(pids.count == 4)
        let stacks = try #require(try await collector(.ranks, pySpy: pySpy()).collectData())
        // Other processes of this machine may be ranks as well.
        let ours = stacks.filter { pids.contains($0.pid) || $0.pid == launcher.pid }
        #expect(ours.map(\.pid) == [pids[0], pids[2]])
        #expect(ours.map(\.rank) == [4, 5])
    }

    @Test func readsAStoppedProcessAndLeavesItStopped() async throws {
        let process = try PythonProcess(program)
        kill(process.pid, SIGSTOP)
        try await eventually { ProcText.state(of: process.pid) == "T" }
        let stack = try #require(try await collector(.pids([process.pid]), pySpy: pySpy()).collectData()?.first)
        #expect(stack.state == "T (stopped)")
        guard case .python = stack.content else {
            Issue.record("no Python stack: \(stack.content)")
            return
        }
        #expect(ProcText.state(of: process.pid) == "T")
    }

    @Test func doesNotTouchAZombie() async throws {
        let process = try PythonProcess(
            """
            import os, time
            pid = os.fork()
            if pid == 0: os._exit(0)
            print("ready", pid)
            time.sleep(600)
            """)
        let zombie = try #require(Int32(process.words[1]))
        try await eventually { ProcText.state(of: zombie) == "Z" }
        let collector = await collector(.pids([zombie]), pySpy: "/does/not/matter")
        let stacks = try #require(await collector.collectData())
        #expect(stacks[0].state == "Z (zombie)")
        #expect(
            collector.formatStacks(stacks).contains(
                "No Python stacks: the process has ended and waits for its parent (Z)\nThread \(zombie) (Z (zombie))"))
    }

    @Test func saysSoIfThereIsNoSuchProcess() async throws {
        let collector = await collector(.pids([999_999_999]), pySpy: "/does/not/matter")
        #expect(
            await collector.collectData()?.first?.content
                == ProcessStack.Content.none(reason: "there is no such process"))
    }

    @Test func saysWhatPySpySaysOfAProcessThatIsNoPython() async throws {
        let collector = try await collector(.pids([getpid()]), pySpy: pySpy())
        guard case .kernel(let threads, let reason) = try #require(await collector.collectData()?.first?.content) else {
            Issue.record("this process is no Python")
            return
        }
        #expect(reason.hasPrefix("py-spy failed"))
        #expect(!reason.contains("Stack backtrace"))
        #expect(threads.contains { $0.osID == getpid() })
    }

    @Test func isOffWithoutProcesses() async {
        let collector = await collector(.pids([]), pySpy: "/does/not/matter")
        #expect(await !collector.isEnabled())
        #expect(await collector.collectData() == nil)
    }

    @Test func warnsWithoutAClientAndLogsAFailedReport() async {
        let collector = StackCollector(node: node, configuration: .init(target: .ranks), logger: log.logger)
        let stack = ProcessStack(pid: 1, command: "x", state: "S", timestamp: 5, content: .none(reason: "test"))
        #expect(await !collector.storeData([stack]))
        #expect(log.count("warning Master client not set, stack trace not reported") == 1)
        await collector.setClient(client)
        client.fail("Connection refused")
        #expect(await !collector.storeData([stack]))
        #expect(log.count("error Failed to report stack trace to master: Connection refused") == 1)
    }
}
