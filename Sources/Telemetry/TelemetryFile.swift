internal import CoreMetrics
internal import Dispatch
internal import Glibc
package import Logging

/// Writes a registry's text to a file for node_exporter's textfile collector and for `arobust status`, as long as the process lives.
///
/// `arobust_up` in it is 1, and 0 after a clean end: the file stays. After a kill, `arobust_telemetry_written_at_seconds` no longer grows.
package struct TelemetryFile: Sendable {
    private let file: WholeFile
    private let registry: TelemetryRegistry
    private let interval: Duration
    private let logger: Logger
    private let up: Gauge
    private let writtenAt: Gauge
    // A disk that hangs may hold up this queue's thread, and none of Swift's few.
    private let queue = DispatchQueue(label: "arobust.telemetry")

    /// Where the files of a state directory's processes are.
    package static func directory(in stateDirectory: String) -> String { stateDirectory + "/telemetry" }

    /// The file of a command's process: `agent`, `collect`, `bridge`.
    package static func path(of command: String, in stateDirectory: String) -> String {
        "\(directory(in: stateDirectory))/\(command).prom"
    }

    /// - Parameters:
    ///   - path: as `path(of:in:)` gives it, or any other. The file's own directory is made if it isn't there.
    ///   - interval: between two writings: 5 s.
    package init(path: String, registry: TelemetryRegistry, interval: Duration = .seconds(5), logger: Logger) {
        file = WholeFile(path: path)
        self.registry = registry
        self.interval = interval
        self.logger = logger
        up = Gauge(label: "arobust_up", factory: registry)
        writtenAt = Gauge(label: "arobust_telemetry_written_at_seconds", factory: registry)
    }

    /// Writes now, once in every interval, and at the end. Ends when the task is cancelled, and never throws: a failure is logged once
    /// while it lasts, and the next round tries again.
    package func run() async {
        var problem: String?
        up.record(1)
        while !Task.isCancelled {
            await write(&problem)
            try? await Task.sleep(for: interval)
        }
        up.record(0)
        await write(&problem)
    }

    private func write(_ problem: inout String?) async {
        var moment = timespec()
        clock_gettime(CLOCK_REALTIME, &moment)
        writtenAt.record(Int64(moment.tv_sec))
        let text = registry.text()
        let failure: TelemetryFileError? = await withCheckedContinuation { continuation in
            queue.async { [file] in
                do throws(TelemetryFileError) {
                    try file.write(text)
                    continuation.resume(returning: nil)
                } catch {
                    continuation.resume(returning: error)
                }
            }
        }
        if let failure {
            if problem != "\(failure)" {
                logger.warning("The self-metrics cannot be written.", metadata: ["error": "\(failure)"])
            }
        } else if problem != nil {
            logger.notice("The self-metrics can be written again.")
        }
        problem = failure.map { "\($0)" }
    }
}

/// Why the file of self-metrics could not be written.
struct TelemetryFileError: Error, Equatable, CustomStringConvertible {
    let action: String
    let path: String
    let reason: String

    var description: String { "can't \(action) \(path): \(reason)" }
}
