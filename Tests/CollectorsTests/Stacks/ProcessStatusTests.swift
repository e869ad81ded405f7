@testable import Collectors
import Glibc
import SystemPackage
import SystemSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ProcessStatusTests {
    private let rest = "1 5 5 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4242 1000 2"

    @Test(arguments: ["python3", "a b", "x) R 9 (", "two\nlines"])
    func readsTheFieldsBehindAnyCommand(command: String) {
        let status = ProcessStatus(stat: "5 (\(command)) S \(rest)\n", status: "Name:\tx\nTracerPid:\t77\n")
        #expect(status.state == "S")
        #expect(status.parent == 1)
        #expect(status.startTime == 4242)
        #expect(status.tracer == 77)
        #expect(status.reasonNotToAttach == "process 77 traces it already")
    }

    @Test(arguments: [("D", false), ("Z", false), ("X", false), ("S", true), ("R", true), ("T", true), ("t", true)])
    func saysWhatMustNotBeAttachedTo(state: String, mayAttach: Bool) {
        let status = ProcessStatus(stat: "5 (x) \(state) \(rest)", status: "TracerPid:\t0\n")
        #expect((status.reasonNotToAttach == nil) == mayAttach)
    }

    @Test func readsThisProcess() throws {
        let status = try ProcessStatus(pid: getpid())
        #expect(status.parent == getppid())
        #expect(status.startTime > 0)
        #expect(status.tracer == 0)
    }

    @Test func throwsForNoProcess() {
        #expect(throws: SystemCallError("open", path: "/proc/999999999/stat", code: .noSuchFileOrDirectory)) {
            try ProcessStatus(pid: 999_999_999)
        }
    }
}
