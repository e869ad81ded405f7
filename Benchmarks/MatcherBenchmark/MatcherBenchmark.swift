private import Diagnosis
private import FailureDiagnosis
private import Glibc

/// Measures what it costs to find the lines that rules match.
///
///     MatcherBenchmark FILE [TIMES]    reads the file in blocks of 1 MiB and matches each; prints a line of JSON for each run
///     MatcherBenchmark --diagnose FILE  diagnoses the file as a log with the default budget; prints how long that took, and the verdict
///     MatcherBenchmark --terms         prints the texts that are searched for, in the form for `grep -F -f`
@main
enum MatcherBenchmark {
    static func main() {
        let arguments = CommandLine.arguments
        if arguments.count == 3, arguments[1] == "--diagnose" { return diagnose(arguments[2]) }
        let matcher = RuleMatcher(.builtIn)
        if arguments.dropFirst().first == "--terms" {
            for text in matcher.searchedTexts { print(text) }
            return
        }
        guard arguments.count >= 2 else {
            print("usage: MatcherBenchmark FILE [TIMES], or --terms")
            exit(64)
        }
        for _ in 0..<(arguments.count > 2 ? Int(arguments[2]) ?? 1 : 1) { measure(arguments[1], matcher) }
    }

    private static func diagnose(_ path: String) {
        let clock = ContinuousClock()
        let start = clock.now
        let diagnostician = FailureDiagnostician(.builtIn)
        let ready = clock.now
        var failure = TrainingFailure()
        failure.logs = [LogSource(path: path)]
        let verdict = diagnostician.diagnose(failure)
        print(
            #"{"ready": "\#(ready - start)", "diagnosed": "\#(clock.now - ready)", "verdict": \#(verdict.json.text ?? "null")}"#
        )
    }

    private static func measure(_ path: String, _ matcher: RuleMatcher) {
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        var block = [UInt8](repeating: 0, count: 1 << 20)
        var kept = 0
        var total = 0
        var hits = 0
        let began = cpuSeconds()
        while true {
            let count = block.withUnsafeMutableBytes { buffer in
                read(descriptor, buffer.baseAddress.map { $0 + kept }, buffer.count - kept)
            }
            guard count > 0 else { break }
            total += count
            let end = kept + count
            let whole = (block[..<end].lastIndex(of: 0x0A) ?? end - 1) + 1
            hits += matcher.hits(in: block[..<whole]).count
            block.replaceSubrange(0..<(end - whole), with: Array(block[whole..<end]))
            kept = end - whole
        }
        let seconds = cpuSeconds() - began
        let perGiB = seconds / Double(total) * Double(1 << 30)
        print(
            #"{"bytes": \#(total), "hits": \#(hits), "cpu": \#(seconds), "cpu_per_gib": \#(perGiB), "stride": \#(matcher.stride)}"#
        )
    }

    private static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
