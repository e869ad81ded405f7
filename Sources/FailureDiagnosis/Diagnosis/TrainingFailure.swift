public import Diagnosis

/// What is known of a failed training.
public struct TrainingFailure: Sendable {
    /// The logs, of one rank or several, or the launcher's.
    public var logs: [LogSource] = []
    /// JSON: DLRover's `{"<rank>": {"local_rank": 0, "exitcode": -9, "message": …, "datetime": …}}`, the guide's `{"error": text}`, or any
    /// other object, whose texts are read.
    public var failures: String?
    /// torch elastic's error files (`TORCHELASTIC_ERROR_FILE`).
    public var errorFiles: [LogSource] = []
    /// What `dmesg` or `journalctl -k` has written.
    public var kernelLog: String?
    /// How often the training has been started again, and how often it may be: once none is left, a restart becomes a relaunch.
    public var restartCount = 0
    public var maxRestarts = 3
    /// What failed on this node before: the causes' signatures (`FailureVerdict.signature`), by rule.
    public var earlierFailures: [String: Set<String>] = [:]
    public var node = NodeIdentity()
    /// How long the diagnosis may take.
    public var budget: Duration = .seconds(2)
    /// What stands more than this before a log's end belongs to no failure of now.
    public var incident: Duration = .seconds(3600)
    public var clock: LogClock = .system

    public init() {}
}
