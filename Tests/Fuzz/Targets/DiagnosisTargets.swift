internal import Diagnosis
internal import Glibc
internal import LogText
internal import SystemSupport

@testable internal import FailureDiagnosis

/// Logs, error files and messages that a diagnosis reads.
extension FuzzTarget {
    static let diagnosis = [
        FuzzTarget("log-match", logMatch), FuzzTarget("diagnose", diagnose), FuzzTarget("utf16", utf16),
    ]

    private static let matcher = RuleMatcher(.builtIn)
    private static let time = LogTime(clock: LogClock(now: 1_795_482_000, bootTime: 1_795_400_000))

    /// Everything that is asked of single lines, and the rules.
    private static func logMatch(_ bytes: [UInt8]) {
        bytes.raw { raw in
            for kind in [TextKind.log, .kernelLog, .message, .logEnd] {
                for hit in matcher.hits(in: raw, kind: kind) {
                    require(hit.line.lowerBound >= 0 && hit.line.upperBound <= raw.count, "a hit outside the text")
                    require(hit.line.count <= RuleMatcher.longestLine, "a line of \(hit.line.count) bytes")
                    _ = LineText.shown(hit.line, in: raw, rule: hit.rule, matcher)
                }
            }
            for line in LineBounds.lines(in: raw).prefix(64) {
                let text = UnsafeRawBufferPointer(rebasing: raw[line])
                if let seconds = time.read(text) { require(seconds.isFinite, "a time that is none") }
                _ = KernelLine.isKernel(text, isKernelLog: true)
                _ = KernelLine.isKernel(text, isKernelLog: false)
                if ProgressLine.isPossible(text) { _ = ProgressLine(Array(text)) }
                _ = ProgramText.pieces(of: text)
                _ = LineText.rank(of: text)
                _ = matcher.explain(String(decoding: text, as: UTF8.self))
            }
            _ = ElasticReport(raw, from: 0, time: time)
        }
        if let json = JSONValue(bytes) { _ = RankFailure.read(json, time: time) }
        _ = ElasticErrorFile(bytes, time: time)
    }

    private static let inputs = (0..<4).map { _ in MemoryFile() }

    /// A whole diagnosis: two logs, an error file, the kernel's log and the launcher's message, between bytes 0xFF.
    private static func diagnose(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let count = input.byte()
        let parts = input.parts(5)
        for (index, file) in inputs.enumerated() { file.replace(with: index < parts.count ? parts[index] : []) }
        var failure = TrainingFailure()
        failure.clock = time.clock
        failure.budget = .seconds(60)
        failure.logs = [LogSource(path: inputs[0].path), LogSource(path: inputs[1].path, rank: 1)]
        failure.errorFiles = [LogSource(path: inputs[2].path, rank: 0)]
        failure.kernelLog = inputs[3].path
        failure.failures = parts.count > 4 ? parts[4].text : nil
        failure.restartCount = Int(count) - 8
        let verdict = FailureDiagnostician(.builtIn).diagnose(failure)
        require(verdict.json.text != nil, "a verdict has no JSON")
        require(verdict.lines.first == "Action: \(verdict.action.type)", "a verdict does not begin with its action")
    }

    /// UTF-16: the same in pieces of any size.
    private static func utf16(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let (mode, size) = (input.byte(), Int(input.byte()))
        let text = input.all()
        func decoded(_ size: Int) -> [UInt8] {
            var decoder = UTF16Text(isBigEndian: mode & 1 == 1)
            return text.pieces(of: size).flatMap { Array($0).raw { decoder.decode($0) } } + decoder.finish()
        }
        let whole = decoded(text.count)
        require(whole == decoded(size), "in pieces it is something else")
        require(String(validating: whole, as: UTF8.self) != nil, "what is made is no UTF-8")
    }
}
