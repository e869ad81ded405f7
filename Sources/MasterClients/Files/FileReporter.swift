import Diagnosis
import Logging
import Synchronization
import SystemSupport

/// Reports to a file, one metric a line. The file gets each envelope exactly once, through restarts, kills and full disks.
///
/// One batch is one write. Nothing is synced to the disk: the file survives a kill of the process, but not always a power cut.
final class FileReporter: EnvelopeReporter {
    private struct State: Sendable {
        var file: NDJSONFile
        var isClosed = false
    }

    /// The last sequence of each lane tells what a file already has.
    let needsLanesInOrder = true
    private let queue = BlockingQueue(label: "arobust.file", pool: .output)
    /// Used only on the queue, where waiting for the disk holds up nobody else.
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
