/// Whether what the kernel wrote concerns a failed training: by its time, and by the process that it names.
struct KernelRelevance {
    /// How long the training must have gone on after an event, in seconds: until a failure shows, some steps may still be made.
    private static let delay = 30.0
    /// How long before a log's first line its training may have been harmed, in seconds.
    private static let start = 60.0
    private static let trainingNames = [
        "python", "pt_", "torchrun", "ray", "deepspeed", "accelerate", "nccl", "cuda-", "train",
    ]

    /// When the training began, in seconds since 1970; `nil`: unknown.
    var runStart: Double?
    /// The last progress of all logs that have times.
    var lastProgress: (line: ProgressLine, time: Double)?
    /// The processes that the launcher's report names.
    var pids: Set<Int> = []

    init(_ scans: [LogScan]) {
        lastProgress = scans.compactMap { scan in
            scan.progress.last.flatMap { last in last.time.map { (last.line, $0) } }
        }.max { $0.time < $1.time }
        let starts = scans.map(\.firstTime)
        runStart = starts.contains(nil) ? nil : starts.compactMap { $0 }.min()
        pids = Set(scans.compactMap(\.report).flatMap(\.entries).compactMap(\.pid))
    }

    /// Why a line can't be the cause; `nil` if it can.
    ///
    /// - Parameter time: the line's own, in seconds since 1970.
    func dismissal(of text: String, rule: Rule, time: Double?) -> Sighting.Dismissal? {
        let process = KernelProcess(text)
        // Whatever the kernel's clock says, this process was of the training.
        if let pid = process?.pid, pids.contains(pid) { return nil }
        if let time {
            if let last = lastProgress, time + Self.delay < last.time { return .survived(last.line) }
            if let runStart, time + Self.start < runStart { return .beforeRun }
        }
        // What happened to the device or the host concerns everybody.
        guard rule.action == .restartWorker, let process else { return nil }
        return Self.trainingNames.contains { process.name.hasPrefix($0) } ? nil : .otherProcess(process.name)
    }
}

/// The process that a line of the kernel's names: `pid=4236, name=python3.11`, `Killed process 5121 (python3)`, `task=python3,pid=5121`.
private struct KernelProcess {
    let name: String
    let pid: Int?

    init?(_ line: String) {
        if let killed = line.firstRange(of: "Killed process ") ?? line.firstRange(of: "Kill process ") {
            let rest = line[killed.upperBound...]
            guard let open = rest.firstIndex(of: "("), let close = rest[open...].firstIndex(of: ")") else { return nil }
            (name, pid) = (String(rest[rest.index(after: open)..<close]), Int(rest.prefix { $0.isNumber }))
            return
        }
        guard let name = Self.value(of: "name=", in: line) ?? Self.value(of: "task=", in: line) else { return nil }
        (self.name, pid) = (name, (Self.value(of: "pid=", in: line)).flatMap { Int($0) })
    }

    private static func value(of key: String, in line: String) -> String? {
        guard let key = line.firstRange(of: key) else { return nil }
        let value = line[key.upperBound...].prefix { $0 != "," && $0 != " " }.filter { $0 != "'" }
        return value.isEmpty || value == "<unknown>" ? nil : value
    }
}
