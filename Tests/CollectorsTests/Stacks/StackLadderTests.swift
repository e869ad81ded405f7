import Glibc
import Hang
import TestSupport
import Testing

@testable import Collectors

/// Against the real py-spy and real Python processes, in all the states that a rank can hang in. All of them must run on afterwards.
@Suite(.serialized, .timeLimit(.minutes(2))) struct StackLadderTests {
    let log = LogCapture()

    private func ladder(_ change: (inout StackLadder.Options) -> Void = { _ in }) throws -> StackLadder {
        var options = StackLadder.Options()
        options.pySpyPath = PythonProcess.pySpy
        try #require(
            options.pySpyPath != nil,
            "There is no py-spy: run scripts/bootstrap, which installs it, or set AROBUST_TEST_PY_SPY.")
        change(&options)
        return StackLadder(options, logger: log.logger)
    }

    private func stacks(_ pid: Int32, _ change: (inout StackLadder.Options) -> Void = { _ in }) async throws
        -> RankStacks
    {
        let outcome = try await ladder(change).stacks(of: RankProcess(reading: pid), until: .now + .seconds(30))
        return outcome.stacks
    }

    private func tracer(of pid: Int32) throws -> String? {
        try ProcText.read("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("TracerPid:") }
            .map { String($0.split(separator: "\t")[1]) }
    }

    @Test func namesTheHolderOfTheLockAndWhatItIsIn() async throws {
        let process = try PythonProcess(
            """
            import ctypes, threading, time
            def holder():
                print("ready")
                ctypes.PyDLL(None).sleep(600)
            threading.Thread(target=holder, name="loader").start()
            time.sleep(600)
            """, environment: ["RANK": "2"])
        // It prints before it takes the lock for good.
        let stacks = try await firstStacks(of: process.pid) { $0.threads.contains { $0.ownsGIL == true } }
        #expect(stacks.source == "py-spy")
        #expect(stacks.rank == 2)
        let holder = try #require(stacks.threads.first { $0.ownsGIL == true })
        #expect(holder.name == "loader")
        #expect(holder.frames.first?.function == "holder")
        #expect(holder.systemCall == "clock_nanosleep")
        #expect(holder.isMain == false)
        #expect(stacks.mainThread?.osID == Int(process.pid))
        #expect(try tracer(of: process.pid) == "0")
    }

    /// A process says that it is ready a moment before it is where the test wants it.
    private func firstStacks(of pid: Int32, where condition: (RankStacks) -> Bool) async throws -> RankStacks {
        let end = ContinuousClock.now + .seconds(45)
        while ContinuousClock.now < end {
            let stacks = try await stacks(pid)
            if condition(stacks) { return stacks }
        }
        return try await stacks(pid)
    }

    @Test(arguments: [
        (
            "import asyncio\nasync def main():\n  print('ready')\n  await asyncio.sleep(600)\nasyncio.run(main())",
            "epoll_wait"
        ),
        ("import threading\nl = threading.Lock()\nl.acquire()\nprint('ready')\nl.acquire()", "futex"),
        ("import os\nr, w = os.pipe()\nprint('ready')\nos.read(r, 1)", "read"),
    ])
    func saysWhereTheMainThreadWaits(program: String, call: String) async throws {
        let process = try PythonProcess(program)
        let stacks = try await firstStacks(of: process.pid) {
            $0.mainThread?.systemCall == call && $0.mainThread?.frames.isEmpty == false
        }
        let main = try #require(stacks.mainThread)
        #expect(main.systemCall == call)
        #expect(main.state == "S")
        #expect(!main.frames.isEmpty)
        // On a busy machine it may still be on its way into the call, or out of the tracer's stop.
        #expect(["S", "R"].contains(stacks.state))
        #expect(["S", "R"].contains(ProcText.state(of: process.pid)))
        // Root may see the kernel's stack, and then no frame has its offset.
        #expect(main.kernelFrames.allSatisfy { !$0.contains("+") && !$0.contains("[") })
    }

    @Test func showsOnlyProcOfAProcessThatAnotherTraces() async throws {
        let process = try PythonProcess("import time; print('ready'); time.sleep(600)")
        let tracer = try PythonProcess(
            """
            import ctypes, sys, time
            ptrace = ctypes.CDLL(None, use_errno=True).ptrace
            print("ready", "seized" if ptrace(0x4206, int(sys.argv[1]), 0, 0) == 0 else "refused", flush=True)
            time.sleep(600)
            """, arguments: ["\(process.pid)"])
        try #require(tracer.words == ["ready", "seized"])
        let stacks = try await stacks(process.pid) { $0.allowsBlocking = true }
        // Nobody can wait for the end of a process while another traces it.
        kill(tracer.pid, SIGKILL)
        #expect(stacks.source == "proc")
        #expect(stacks.tracer == tracer.pid)
        #expect(stacks.refusals.contains("process \(tracer.pid) traces it already"))
        #expect(stacks.threads.map(\.osID) == [Int(process.pid)])
    }

    @Test func leavesAStoppedProcessStoppedAndNeverStopsItMore() async throws {
        let process = try PythonProcess("import time; print('ready'); time.sleep(600)")
        kill(process.pid, SIGSTOP)
        try await eventually { ProcText.state(of: process.pid) == "T" }
        let stacks = try await stacks(process.pid) { $0.wantsNative = true }
        #expect(stacks.state == "T")
        #expect(stacks.source == "py-spy")
        #expect(stacks.refusals.contains("the process is stopped already"))
        #expect(ProcText.state(of: process.pid) == "T")
    }

    @Test func tellsOfAZombieAndOfAProcessThatIsGone() async throws {
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
        let stacks = try await stacks(zombie)
        #expect(stacks.state == "Z")
        #expect(stacks.refusals == ["the process has ended and waits for its parent (Z)"])
        #expect(try await self.stacks(999_999_999).state == "X")
        // The number of a process that is gone may be another's by now.
        let old = RankProcess(pid: process.pid, startTime: 1, rank: 5)
        let outcome = try await ladder().stacks(of: old, until: .now + .seconds(10))
        #expect(outcome.stacks.state == "X")
        #expect(outcome.stacks.threads == [])
        #expect(outcome.stacks.refusals == ["the process has ended"])
    }

    @Test(.enabled(if: getuid() == 0))
    func knowsTheThreadsOfAnotherPidNamespace() async throws {
        let process = try PythonProcess(
            """
            import ctypes, os, threading, time
            libc = ctypes.CDLL(None)
            assert libc.unshare(0x20000000) == 0
            inner = os.fork()
            if inner:
                print("ready", inner)
                time.sleep(600)
            def work(): time.sleep(600)
            threading.Thread(target=work, name="work", daemon=True).start()
            time.sleep(600)
            """)
        let inner = try #require(Int32(process.words[1]))
        let stacks = try await firstStacks(of: inner) {
            $0.threads.count == 2 && $0.threads.allSatisfy { $0.state == "S" }
        }
        #expect(stacks.source == "py-spy")
        #expect(stacks.mainThread?.osID == Int(inner))
        #expect(stacks.mainThread?.systemCall == "clock_nanosleep")
        let work = try #require(stacks.threads.first { $0.name == "work" })
        #expect(work.osID.map { $0 > Int(inner) } == true)
        #expect(work.isMain == false)
    }

    @Test(.enabled(if: getuid() == 0))
    func readsAnotherUsersProcess() async throws {
        let process = try PythonProcess(
            "import os, time; os.setgid(65534); os.setuid(65534); print('ready'); time.sleep(600)",
            environment: ["RANK": "1"])
        let stacks = try await stacks(process.pid)
        #expect(stacks.source == "py-spy")
        #expect(stacks.mainThread?.frames.first?.function == "<module>")
    }

    @Test(arguments: [false, true])
    func stopsAProcessOnlyIfAskedAndForAMoment(native: Bool) async throws {
        let process = try PythonProcess("import time\ndef f():\n  print('ready')\n  time.sleep(600)\nf()")
        // A py-spy that can't read without stopping, as it happens to a process whose stack changes all the time.
        let folder = ScratchFolder()
        let real = try #require(PythonProcess.pySpy)
        let script = try folder.script(
            "py-spy",
            "echo \"$@\" >> \(folder.file("calls")); case \"$*\" in *--nonblocking*) exit 1;; esac; exec \(real) \"$@\""
        )
        let stacks = try await stacks(process.pid) {
            $0.pySpyPath = script
            if native { $0.wantsNative = true } else { $0.allowsBlocking = true }
        }
        #expect(stacks.source == "py-spy")
        #expect(stacks.mainThread?.frames.contains { $0.function == "f" } == true)
        #expect(
            folder.lines("calls") == [
                "dump --nonblocking --json --pid \(process.pid)",
                native ? "dump --native --json --pid \(process.pid)" : "dump --json --pid \(process.pid)",
            ])
        try await eventually { ProcText.state(of: process.pid) == "S" }
        #expect(try tracer(of: process.pid) == "0")
    }

    @Test func neverStopsAProcessUnasked() async throws {
        let process = try PythonProcess("import time; print('ready'); time.sleep(600)")
        let folder = ScratchFolder()
        let script = try folder.script("py-spy", "echo \"$@\" >> \(folder.file("calls")); exit 1")
        let stacks = try await stacks(process.pid) { $0.pySpyPath = script }
        #expect(stacks.source == "proc")
        #expect(folder.lines("calls") == ["dump --nonblocking --json --pid \(process.pid)"])
    }

    @Test func endsWithItsTime() async throws {
        let process = try PythonProcess("import time; print('ready'); time.sleep(600)")
        let folder = ScratchFolder()
        let script = try folder.script("py-spy", "sleep 600")
        var options = StackLadder.Options()
        options.pySpyPath = script
        let ladder = StackLadder(options, logger: log.logger)
        let outcome = await ladder.stacks(of: RankProcess(reading: process.pid), until: .now + .seconds(2))
        #expect(outcome.stacks.source == "proc")
        // Of two seconds; its own deadline is ten.
        let reason = outcome.stacks.refusals.last ?? ""
        #expect(reason.hasPrefix("py-spy did not end within ") && !reason.contains(" 10"), "\(reason)")
        let late = await ladder.stacks(of: RankProcess(reading: process.pid), until: .now)
        #expect(late.stacks.refusals.last == "py-spy was not run: no time was left for it")
        #expect(!late.stacks.threads.isEmpty)
    }

    @Test(arguments: ["exit 1", "echo '[]'", "head -c 100000000 /dev/zero", "kill -KILL $$"])
    func manyDumpsLeaveNothingBehind(script: String) async throws {
        let process = try PythonProcess("import time; print('ready'); time.sleep(600)")
        let folder = ScratchFolder()
        let path = try folder.script("py-spy", script)
        let rounds = script.hasPrefix("head") ? 5 : 40
        func descriptors() -> Int { ProcFile.numbers(in: "/proc/self/fd").count }
        _ = try await stacks(process.pid) { $0.pySpyPath = path }
        let before = descriptors()
        for _ in 0..<rounds { _ = try await stacks(process.pid) { $0.pySpyPath = path } }
        // Other tests run at the same time, with descriptors of their own.
        try await eventually { descriptors() < before + rounds }
        #expect(ProcText.state(of: process.pid) == "S")
    }
}
