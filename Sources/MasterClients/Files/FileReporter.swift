import Diagnosis
import Dispatch
import Logging
import Synchronization

/// Reports to a file, a metric a line. It has each envelope exactly once, also over restarts, kills and full disks.
///
/// One batch is one write. Nothing is synchronised to the disk: the file survives a kill of the process, not always one of
/// the machine.
final class FileReporter: EnvelopeReporter {
    private struct State: Sendable {
        var file: NDJSONFile
        var isClosed = false
    }

    /// What a file already has is told from the last sequence of each lane.
    let needsLanesInOrder = true
    private let queue = BlockingQueue(label: "arobust.file")
    /// Used on the queue only, where waiting for the disk holds up nobody else.
    private let state: Mutex<State>
    private let logger: Logger

    init(path: String, fileSystem: FileSystem = FileSystem(), logger: Logger) {
        state = Mutex(State(file: NDJSONFile(path: path, fileSystem: fileSystem)))
        self.logger = logger
    }

    deinit {
        state.withLock { $0.file.close() }
    }

    func report(_ batch: EnvelopeBatch) async -> ReportOutcome {
        guard !batch.isEmpty else { return ReportOutcome(accepted: 0) }
        return await queue.run { [self] in
            state.withLock { state in
                guard !state.isClosed else {
                    let error = ReportError(code: .closed, message: "the client of \(state.file.path) is closed")
                    return ReportOutcome(accepted: 0, failure: .init(count: batch.count, error: error))
                }
                return state.file.append(batch)
            }
        }
    }

    func close() async {
        await queue.run { [self] in
            state.withLock {
                $0.isClosed = true
                $0.file.close()
            }
        }
        logger.debug("The file is closed.")
    }
}

/// Runs work that may block on a thread of its own, one piece at a time and in order, while the caller's task waits.
struct BlockingQueue: Sendable {
    private let queue: DispatchQueue

    init(label: String) {
        queue = DispatchQueue(label: label)
    }

    func run<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }
}
