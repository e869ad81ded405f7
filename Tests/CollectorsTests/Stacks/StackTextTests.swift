@testable import Collectors
import Testing

@Suite(.timeLimit(.minutes(1))) struct StackTextTests {
    private func stack(_ pid: Int32, _ content: ProcessStack.Content) -> ProcessStack {
        ProcessStack(
            pid: pid, rank: 3, localRank: 1, command: "python train.py", state: "S (sleeping)", timestamp: 1,
            content: content)
    }

    private func thread(_ id: Int, name: String? = "MainThread", active: Bool = false, gil: Bool = false)
        -> PythonThread
    {
        PythonThread(
            name: name, osID: id, isActive: active, ownsGIL: gil,
            frames: [
                .init(function: "all_reduce", file: "torch/distributed.py", line: 12),
                .init(function: "<module>", file: "train.py", line: 3),
            ])
    }

    @Test func aThreadsNameCannotForgeALine() {
        let forged = thread(7, name: "a\"\nThread 8 (active)\u{1B}[2J")
        let text = StackText.text([stack(7, .python([forged]))], maxBytes: 4096)
        #expect(text.contains("Thread 7 (idle): \"a\"\\nThread 8 (active)\\x1b[2J\"\n"))
    }

    @Test func namesShowNoSecret() {
        let token = "hf_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6"
        var python = thread(7, name: "uploader https://u:SEKRET@h/?token=SEKRET")
        python.frames.append(.init(function: "f", file: "/x/\(token).py", line: 1))
        python.frames.append(.init(function: "get_token", file: "tokenizer.py", line: 30))
        let kernel = KernelThread(
            osID: 9, name: token, state: "S", waitChannel: "password=SEKRET", systemCall: nil,
            kernelStack: ["\(token)+0x1"])
        let text = StackText.text(
            [stack(7, .python([python])), stack(9, .kernel([kernel], reason: "cannot read --token SEKRET"))],
            maxBytes: 9000)
        #expect(!text.contains("SEKRET") && !text.contains("A1b2"))
        #expect(text.contains("    get_token (tokenizer.py:30)\n"))
        #expect(text.contains("uploader https://[redacted]@h/?token=[redacted]"))
    }

    @Test func writesABlockForEachProcessInPySpysForm() {
        let kernel = KernelThread(
            osID: 9, name: "python", state: "D (disk sleep)", waitChannel: "rpc_wait", systemCall: "0 0x3",
            kernelStack: ["[<0>] rpc_wait+0x1"])
        let stacks = [
            stack(7, .python([thread(7), thread(8, name: nil, active: true, gil: true)])),
            stack(9, .kernel([kernel], reason: "it sleeps")),
            ProcessStack(
                pid: 10, command: "", state: "?", timestamp: 1, content: .none(reason: "there is no such process")),
        ]
        #expect(
            StackText.text(stacks, maxBytes: 10_000) == """
                Process 7, rank 3, local rank 1, S (sleeping): python train.py
                Thread 7 (idle): "MainThread"
                    all_reduce (torch/distributed.py:12)
                    <module> (train.py:3)
                Thread 8 (active+gil)
                    all_reduce (torch/distributed.py:12)
                    <module> (train.py:3)

                Process 9, rank 3, local rank 1, S (sleeping): python train.py
                No Python stacks: it sleeps
                Thread 9 (D (disk sleep)): "python", waits in rpc_wait, system call 0 0x3
                    [<0>] rpc_wait+0x1

                Process 10, ?: (no command line)
                No stacks: there is no such process

                """)
    }

    @Test func cutsBetweenThreadsAndGivesEveryProcessItsShare() {
        let many = (1...1000).map { thread($0) }
        let text = StackText.text([stack(1, .python(many)), stack(2, .python([thread(5)]))], maxBytes: 4096)
        #expect(text.utf8.count <= 4096)
        #expect(text.contains("more threads are left out for lack of room]\n\nProcess 2"))
        #expect(
            text.contains(
                "Thread 5 (idle): \"MainThread\"\n    all_reduce (torch/distributed.py:12)\n    <module> (train.py:3)\n"
            ))
    }

    @Test(arguments: [0, 10, 300, 1000, 5000])
    func neverExceedsTheLimit(limit: Int) {
        let stacks = (1...100).map { stack($0, .python((1...100).map { thread($0) })) }
        #expect(StackText.text(stacks, maxBytes: limit).utf8.count <= limit)
    }
}
