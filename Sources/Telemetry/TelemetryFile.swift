private import CoreMetrics
package import Glibc
package import Logging
private import SystemSupport

/// Writes a registry's text to a file for `arobust status`, and to a copy for node_exporter's textfile collector, as long as the process
/// lives.
///
/// `arobust_up` in it is 1, and 0 after a clean end: the files stay. After a kill, `arobust_telemetry_written_at_seconds` no longer grows.
/// The file has mode 0644: the folders above it decide who may read it. It is not synced, so a power cut may leave an older one.
package struct TelemetryFile: Sendable {
    /// A second file with the same text, for a reader that may not enter the state directory.
    package struct Copy: Sendable {
        private let path: String
        private let mode: mode_t

        /// - Parameters:
        ///   - path: in a folder that is there already: a misspelt one should be told of, not made.
        ///   - mode: of the file, whatever the umask. The file gets the group of a folder with the set-group-ID bit (inode(7)).
        package init(path: String, mode: mode_t) {
            self.path = path
            self.mode = mode
        }

        fileprivate func write(_ text: [UInt8]) throws(SystemCallError) {
            // node_exporter's textfile collector reads `*.prom` only, so it never sees the file beside it that is being written.
            try WholeFile(path: path).replace(with: text, mode: mode, lasting: .process)
        }
    }

    private let file: WholeFile
    private let copy: Copy?
    private let registry: TelemetryRegistry
    private let interval: Duration
    private let logger: Logger
    private let sleep: @Sendable (Duration) async throws -> Void
    private let up: Gauge
    private let writtenAt: Gauge
    private let queue = BlockingQueue(label: "arobust.telemetry", pool: .output)

    /// Where the files of a state directory's processes are.
    package static func directory(in stateDirectory: String) -> String { stateDirectory + "/telemetry" }

    /// The file of a command's process: `agent`, `collect`, `bridge`.
    package static func path(of command: String, in stateDirectory: String) -> String {
        "\(directory(in: stateDirectory))/\(command).prom"
    }

    /// - Parameters:
    ///   - path: as `path(of:in:)` gives it, or any other. The file's own folder is made if it isn't there.
    ///   - copy: written right after it, also when it could not be written.
    ///   - interval: the time between two writes: 5 s.
    ///   - sleep: waits for the interval; tests count its calls.
    package init(
        path: String, copy: Copy? = nil, registry: TelemetryRegistry, interval: Duration = .seconds(5), logger: Logger,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        file = WholeFile(path: path)
        self.copy = copy
        self.registry = registry
        self.interval = interval
        self.logger = logger
        self.sleep = sleep
        up = Gauge(label: "arobust_up", factory: registry)
        writtenAt = Gauge(label: "arobust_telemetry_written_at_seconds", factory: registry)
    }

    /// Writes now, once in every interval, and at the end. Ends when the task is cancelled, and never throws: a failure is logged once
    /// while it lasts, and the next round tries again.
    package func run() async {
        var problems = (file: ProblemLog(), copy: ProblemLog())
        up.record(1)
        while !Task.isCancelled {
            await write(&problems)
            // Only cancellation throws here, and the loop's condition sees it.
            try? await sleep(interval)
        }
        up.record(0)
        await write(&problems)
    }

    private func write(_ problems: inout (file: ProblemLog, copy: ProblemLog)) async {
        writtenAt.record(WallClock.seconds())
        let text = Array(registry.text().utf8)
        let failures = await queue.run { [file, copy] in
            (
                file: Self.failure { () throws(SystemCallError) in
                    try Directory(path: Directory.parent(of: file.path)).make(mode: 0o755)
                    try file.replace(with: text, mode: 0o644, lasting: .process)
                },
                copy: Self.failure { () throws(SystemCallError) in try copy?.write(text) }
            )
        }
        tell(failures.file, of: "self-metrics", &problems.file)
        tell(failures.copy, of: "copy of the self-metrics", &problems.copy)
    }

    private static func failure(of write: () throws(SystemCallError) -> Void) -> SystemCallError? {
        do throws(SystemCallError) {
            try write()
            return nil
        } catch {
            return error
        }
    }

    private func tell(_ failure: SystemCallError?, of what: String, _ problems: inout ProblemLog) {
        if let failure {
            if problems.shouldReport("\(failure)") {
                logger.warning("The \(what) cannot be written.", metadata: ["error": "\(failure)"])
            }
        } else if problems.solve() {
            logger.notice("The \(what) can be written again.")
        }
    }
}
