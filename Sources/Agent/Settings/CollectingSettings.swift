package import Collectors
internal import FailureDiagnosis

/// `logs`: the followed training logs.
package struct LogSettings: Sendable {
    package let files = Setting(
        "logs.files", listOf: .text, "training logs to follow: paths and patterns (**, *, ?, [a-z], {a,b})")
    package let exclude = Setting(
        "logs.exclude", listOf: .text,
        "patterns of files that patterns don't find; without a slash: of names in any folder")
    package let torchrun = Setting(
        "logs.torchrun", listOf: .text, "folders that torchrun --log-dir was given, whose logs to follow")
    package let maxFiles = Setting(
        "logs.max-files", .number(1...1_000_000), default: 10_000, "how many logs are followed at most")
    package let maxOpen = Setting(
        "logs.max-open", .number(1...100_000), default: 256,
        "how many logs are kept open, at most half of what the process may open; quiet ones are closed until they grow")
    package let from = Setting(
        "logs.from", .choice([("start", .start), ("end", .end)]), default: LogCollector.Configuration().startFrom,
        "where to begin in a log without a stored position")
    package let chunkSize = Setting(
        "logs.chunk-size", .size(min: 1024), default: LogCollector.Configuration().chunkBytes,
        "the most content that one log metric carries")
    package let maxLineSize = Setting(
        "logs.max-line-size", .size(min: 1024), default: LogCollector.Configuration().maxLineBytes,
        "a longer line is sent in pieces")
    package let interval = Setting(
        "logs.interval", .duration(min: .milliseconds(10)), default: .milliseconds(250), "how often a log is looked at")
}

/// `metrics`: XPUTimer's page, or another one.
package struct MetricSettings: Sendable {
    package let xpuTimerPort = Setting(
        "metrics.xpu-timer-port", .number(1...65535), "XPUTimer's port on this node; also XPU_TIMER_PORT")
    package let url = Setting("metrics.url", .text, "a metrics page to scrape instead")
    package let interval = Setting(
        "metrics.interval", .duration(min: .milliseconds(10)), default: .seconds(60), "how often the page is scraped")
    package let deadline = Setting(
        "metrics.deadline", .duration(min: .milliseconds(10)), default: MetricCollector.Configuration().deadline,
        "how long a scrape may take in all")
    package let maxSize = Setting(
        "metrics.max-size", .size(min: 1024), default: MetricCollector.Configuration().maxBytes,
        "a larger page is not taken")
    package let alarm = Setting(
        "metrics.alarm", .toggle, default: MetricCollector.Configuration().reportsAlarm,
        "publish a GENERIC metric when the page gives nothing usable, and when it does again")
}

/// `stacks`: the training processes' Python stacks.
package struct StackSettings: Sendable {
    package let pids = Setting("stacks.pids", listOf: .number(1...Int32.max), "processes whose stacks to dump")
    package let ranks = Setting(
        "stacks.ranks", .toggle, default: false, "dump the stacks of all training ranks of this node")
    package let interval = Setting(
        "stacks.interval", .duration(min: .milliseconds(10)), default: .seconds(60), "how often stacks are dumped")
    package let deadline = Setting(
        "stacks.deadline", .duration(min: .milliseconds(10)),
        default: StackCollector.Configuration(target: .ranks).deadline,
        "how long py-spy may take for a process")
    package let pySpy = Setting("stacks.py-spy", .text, "the py-spy to use instead of the one in PATH")
}

/// `diagnosis`: what a training failed of.
package struct DiagnosisSettings: Sendable {
    package let rules = Setting(
        "diagnosis.rules", listOf: .text,
        "files of rules that add to the built-in ones and change them; read in order")
    package let stream = Setting(
        "diagnosis.stream", .toggle, default: true,
        "look for the rules' lines in the logs as they are read: counts, status, a warning")
    package let maxRestarts = Setting(
        "diagnosis.max-restarts", .number(0...1_000_000), default: TrainingFailure().maxRestarts,
        "a failed training is relaunched on another node after this many restarts")
    package let memory = Setting(
        "diagnosis.memory", .duration(min: .zero, max: .year), default: .seconds(86400),
        "how long a cause counts as one that comes back on this node")
    package let budget = Setting(
        "diagnosis.budget", .duration(min: .milliseconds(100), max: .seconds(600)), default: TrainingFailure().budget,
        "how long a diagnosis may take; a log is read from its end, as far as that allows")
    package let kernelLog = Setting(
        "diagnosis.kernel-log", .text, "what dmesg or journalctl -k writes: out-of-memory kills, NVIDIA's Xids")
    package let failureNodeErrors = Setting(
        "diagnosis.failure-node-errors", .text,
        "#texts# in number signs that say that the node has failed; also FAILURE_NODE_ERRORS")
    package let reportFailures = Setting(
        "diagnosis.report-failures", .toggle, default: false,
        "report diagnosed failures to DLRover masters; not together with DLRover's own agent, which reports them itself"
    )
}
