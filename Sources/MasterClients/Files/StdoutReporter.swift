import Diagnosis
import Synchronization

/// Reports to standard output, a metric a line, whole lines at a time.
final class StdoutReporter: EnvelopeReporter {
    private struct State: Sendable {
        var isClosed = false
        /// The last write failed within a line; the next one begins with a newline.
        var isTorn = false
    }

    private let descriptor: CInt
    private let fileSystem: FileSystem
    private let queue = BlockingQueue(label: "arobust.stdout")
    /// Used on the queue only, where waiting for a slow reader holds up nobody else.
    private let state = Mutex(State())

    /// - Parameter descriptor: stays open; it is the process's.
    init(descriptor: CInt = 1, fileSystem: FileSystem = FileSystem()) {
        self.descriptor = descriptor
        self.fileSystem = fileSystem
    }

    func report(_ batch: EnvelopeBatch) async -> ReportOutcome {
        var lines: [UInt8] = []
        var taken = 0
        var failure: ReportOutcome.Failure?
        for entry in batch.entries {
            do throws(MetricJSONError) {
                NDJSONLine.append(
                    try MetricBody(checking: batch.body(of: entry)), publisher: batch.lane.publisher,
                    epoch: batch.epoch, sequence: entry.sequence, to: &lines)
                taken += 1
            } catch {
                let error = ReportError(code: .refused, message: "the envelope's body is no metric: \(error)")
                failure = .init(count: 1, error: error)
                break
            }
        }
        if let error = await write(lines) {
            return ReportOutcome(accepted: 0, failure: .init(count: max(taken, 1), error: error))
        }
        return ReportOutcome(accepted: taken, failure: failure)
    }

    func close() async {
        await queue.run { [self] in state.withLock { $0.isClosed = true } }
    }

    private func write(_ lines: [UInt8]) async -> ReportError? {
        await queue.run { [self] in
            state.withLock { state in
                guard !state.isClosed else {
                    return ReportError(code: .closed, message: "standard output is closed to reports")
                }
                guard !lines.isEmpty else { return nil }
                return BrokenPipeSignal.blocked { write(state.isTorn ? [0x0A] + lines : lines, &state) }
            }
        }
    }

    private func write(_ lines: [UInt8], _ state: inout State) -> ReportError? {
        var written = 0
        do throws(FileSystemError) {
            try fileSystem.writeAll(descriptor, lines, written: &written)
            state.isTorn = false
            return nil
        } catch {
            if written > 0 { state.isTorn = lines[written - 1] != 0x0A }
            if error.isBrokenPipe {
                state.isClosed = true
                return ReportError(code: .closed, message: "cannot write to standard output: its reader is gone")
            }
            return ReportError(code: .storage, message: "cannot write to standard output: \(error)")
        }
    }
}
