import Hang
import SystemSupport
import Testing

@Suite struct FaulthandlerTextTests {
    /// What torch 2.15's worker server answered (FACTS, section 1): `Fixtures/stacks`.
    @Test(arguments: [
        ("late_rank_0", "all_reduce", "torch/distributed/distributed_c10d.py", 4181),
        ("late_rank_2", "all_reduce", "torch/distributed/distributed_c10d.py", 4181),
    ])
    func readsWhatTheWorkerServerAnswers(name: String, function: String, file: String, line: Int) throws {
        let threads = try #require(FaulthandlerText.threads(in: fixture(name)))
        // The server's own thread has no frame and is left out.
        #expect(threads.count == 2)
        #expect(threads.map(\.isMain) == [false, true])
        #expect(threads[0].frames.count > 80)
        let main = threads[1]
        #expect(main.frames.first?.function == function)
        #expect(main.frames.first?.file.hasSuffix(file) == true)
        #expect(main.frames.first?.line == line)
        #expect(main.frames.last?.function == "<module>")
    }

    @Test func readsEveryFixture() throws {
        for name in ["late_rank_1", "mismatch_rank_0", "mismatch_rank_1", "mismatch_rank_2"] {
            let threads = try #require(FaulthandlerText.threads(in: fixture(name)), "\(name)")
            #expect(threads.last?.isMain == true)
            #expect(threads.allSatisfy { $0.frames.allSatisfy { $0.line > 0 && !$0.function.isEmpty } }, "\(name)")
        }
    }

    @Test func readsNamesOfNewerPythonsAndWhatCPythonCouldNotRead() throws {
        let text = """
            Fatal Python error: Segmentation fault

            Thread 0x00007f0000000001 [loader [2]] (most recent call first):
              File "/data/a", line 3 in b.py", line 12 in get
              File ???, line ??? in ???
            Thread 0x00007f0000000002 [python3] (most recent call first):
              <no Python frame>

            Current thread 0x00007f0000000003 [MainThread] (most recent call first):
              Garbage-collecting
              File "/srv/train.py", line 5 in step
              ...

            Extension modules: numpy (total: 1)
            """
        let threads = try #require(FaulthandlerText.threads(in: text))
        #expect(threads.map(\.name) == ["loader [2]", "python3", "MainThread"])
        #expect(threads.map(\.isMain) == [false, false, true])
        #expect(
            threads[0].frames == [
                StackFrame(function: "get", file: "/data/a\", line 3 in b.py", line: 12),
                StackFrame(function: "???", file: "", line: 0),
            ])
        #expect(threads[1].frames == [])
        // A current thread with frames is one of the program's.
        #expect(threads[2].frames.map(\.function) == ["step"])
    }

    @Test func knowsNoMainThreadWhereTheListWasCutOff() throws {
        let text = "Thread 0x01 (most recent call first):\n  File \"a\", line 1 in b\n...\n"
        #expect(FaulthandlerText.threads(in: text)?.map(\.isMain) == [nil])
    }

    @Test(arguments: ["", "pong", "Handler dump_traceback not found", "Thread 7 (idle)\n  File \"a\", line 1 in b"])
    func isNilForSomethingElse(text: String) {
        #expect(FaulthandlerText.threads(in: text) == nil)
    }

    private func fixture(_ name: String) throws -> String {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let path = "/\(folder)/Fixtures/stacks/\(name).txt"
        return String(decoding: try WholeFile(path: path).read(limit: 1 << 20), as: UTF8.self)
    }
}
