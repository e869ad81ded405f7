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
        "logs.interval", .duration(min: .milliseconds(10)), default: .milliseconds(250),
        "the shortest time between looks at logs of which inotify does not tell")
    package let rateLimit = Setting(
        "logs.rate-limit", .size(min: 1024, max: 1 << 40),
        "how much of each log is sent in a second; beyond, failures, first and newest lines are kept, and marks say what is not. Not set: all"
    )
    package let rateBurst = Setting(
        "logs.rate-burst", .size(min: 4096, max: 1 << 40), default: LineShedder.Limits(bytesPerSecond: 1).burst,
        "how much of a log may be sent at once in spite of logs.rate-limit")
    package let blackBox = Setting(
        "logs.black-box", .size(min: 0, max: 16 << 20), default: BlackBox.defaultCapacity,
        "how much of each log's last lines is sent at once when a root cause is read; 0: none. Needs diagnosis.stream")
    package let progress = Setting(
        "logs.progress", .choice([("last", .lastState), ("raw", .raw)]),
        default: LogCollector.Configuration().progress,
        "of a progress bar send its last state, now and then while it moves (last), or all states at its end (raw)")
    package let progressInterval = Setting(
        "logs.progress-interval", .duration(min: .milliseconds(100)),
        default: LogCollector.Configuration().progressInterval,
        "how often the state of a progress bar that moves is sent")
    package let quietTime = Setting(
        "logs.quiet-time", .duration(min: .milliseconds(10)), default: .seconds(2),
        "after how long a last line without its end, or an event that may go on, is sent")
    package let containers = Setting(
        "logs.containers", .choice([("detect", .detect), ("raw", .raw)]),
        default: LogCollector.Configuration().containers,
        "of a file in CRI's or Docker's format send what the program wrote (detect), or the file's lines (raw)")
}

/// `metrics`: XPUTimer's page, or another one.
package struct MetricSettings: Sendable {
    package let xpuTimerPort = Setting(
        "metrics.xpu-timer-port", .number(1...65535), "XPUTimer's port on this node; also XPU_TIMER_PORT")
    package let url = Setting("metrics.url", .text, "a metrics page to scrape instead")
    package let urls = Setting(
        "metrics.urls", listOf: .text, "metrics pages of other programs, published as they are (PROMETHEUS_METRIC)")
    package let interval = Setting(
        "metrics.interval", .duration(min: .milliseconds(10)), default: .seconds(60),
        "how often each page is scraped; when in the interval, a hash of the node says")
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
    package let workerServer = Setting(
        "stacks.worker-server", listOf: .workerServer,
        "where the ranks' PyTorch worker servers are, unless they are found by themselves: paths of Unix sockets with {rank}, {local_rank}, {pid} and *, or 127.0.0.1:26000+{local_rank}"
    )
    package let blocking = Setting(
        "stacks.blocking", .toggle, default: StackLadder.Options().allowsBlocking,
        "let py-spy stop a process for some milliseconds where it can't be read otherwise")
    package let native = Setting(
        "stacks.native", .toggle, default: StackLadder.Options().wantsNative,
        "have py-spy read native frames, too: it stops the process, at first for as long as its symbols take")
    package let samples = Setting(
        "stacks.samples", .number(1...10), default: 3,
        "how many times the stacks of each rank are taken when a hang is suspected: a rank that stands is told from one that moves"
    )
}

/// `diagnosis`: what a training failed of.
package struct DiagnosisSettings: Sendable {
    package let rules = Setting(
        "diagnosis.rules", listOf: .text,
        "files of rules that add to the built-in ones and change them; read in order")
    package let stream = Setting(
        "diagnosis.stream", .toggle, default: true,
        "look for the rules' lines in the logs as they are read: counts, status, a warning")
    package let settle = Setting(
        "diagnosis.settle", .duration(min: .milliseconds(10), max: .seconds(3600)), default: .seconds(30),
        "how long the training must have made no steps after a root cause in a followed log before that is told")
    package let maxRestarts = Setting(
        "diagnosis.max-restarts", .number(0...1_000_000), default: TrainingFailure().maxRestarts,
        "a failed training is relaunched on another node after this many restarts")
    package let memory = Setting(
        "diagnosis.memory", .duration(min: .zero, max: .year), default: .seconds(86400),
        "how long a cause counts as one that comes back on this node")
    package let job = Setting(
        "diagnosis.job", .text,
        "the job's name: only its own earlier failures tell whether a restart is in vain; also ELASTIC_JOB_NAME, SLURM_JOB_ID"
    )
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
