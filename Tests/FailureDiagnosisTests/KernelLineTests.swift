@testable import FailureDiagnosis
import Testing

@Suite struct KernelLineTests {
    private static let xid = "NVRM: Xid (PCI:0000:c1:00): 79, pid=1, GPU has fallen off the bus."

    private func isKernel(_ line: String, inKernelLog: Bool = false) -> Bool {
        Array(line.utf8).withUnsafeBytes { KernelLine.isKernel($0, isKernelLog: inKernelLog) }
    }

    @Test(arguments: [
        "[ 1234.567890] ", "[1234567.890123] ", "<4>[ 1234.567890] ", "[Sat Nov 28 19:13:04 2026] ",
        "kern  :err   : [ 1234.567890] ",
        "Nov 28 19:13:04 node-12 kernel: ", "Nov 28 19:13:04 node-12 kernel: [ 1234.567890] ",
        "2026-11-28T19:13:04.123456+00:00 node-12 kernel: ",
        "2026-11-28 19:13:04 node-12 kernel: ", "[ 1234.567890][  T123] ", "kernel: [ 1234.567890] ",
        "[ 1234.567890] kernel: ",
    ])
    func itsFormsAreKnown(_ prefix: String) {
        #expect(isKernel(prefix + Self.xid))
        #expect(isKernel(prefix + Self.xid, inKernelLog: true))
    }

    @Test(arguments: [
        "", "an example: ", "2026-11-28 19:13:04,123 INFO train: ", "Nov 28 19:13:04 node-12 python[123]: ",
        "[rank0]: ", "# kernel: ",
        "docs say \"kernel: ", "[2026-11-28 19:13:04] ", "step 3: [loss] ",
    ])
    func whatProgramsPrintIsNot(_ prefix: String) {
        #expect(!isKernel(prefix + Self.xid))
    }

    @Test func inTheKernelsOwnLogOnlyOthersNamesSpeakAgainstIt() {
        #expect(isKernel(Self.xid, inKernelLog: true))
        #expect(isKernel("2026-11-28T19:13:04,123456+00:00 " + Self.xid, inKernelLog: true))
        #expect(!isKernel("Nov 28 19:13:04 node-12 python[123]: " + Self.xid, inKernelLog: true))
        #expect(!isKernel("2026-11-28T19:13:04+0000 node-12 jupyter[12]: " + Self.xid, inKernelLog: true))
        #expect(isKernel("[ 12.345678] python3[77]: segfault at 0 ip 0000 sp 0000", inKernelLog: true))
    }

    @Test func adviceIsHiddenAndTheRestIsNot() {
        let matcher = RuleMatcher(.builtIn)
        let line =
            #"{"msg": "CUDA error: an illegal memory access was encountered\\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assert triggered."}"#
        let bytes = Array((line + "\n").utf8)
        #expect(matcher.hits(in: bytes[...]).map { matcher.table.rules[$0.rule].id } == ["cuda.illegal-access"])
    }

    @Test func aStoryOfTimeOutsNamesTheRanks() {
        var story = TimeoutStory()
        let text = [0, 1, 2, 5].map {
            "[rank\($0)]:[E1128 21:00:44.482 P.cpp:616] [Rank \($0)] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1580, OpType=ALLREDUCE, Timeout(ms)=600000) ran for 600060 milliseconds"
        }.joined(separator: "\n")
        Array(text.utf8).withUnsafeBytes { story.add($0, rank: nil) }
        #expect(
            story.text
                == "waited 600 s for other ranks: 4 ranks, 0-2, 5 in ALLREDUCE (SeqNum 1580); no rank is named that did not come"
        )
        #expect(TimeoutStory().text == nil)
    }
}
