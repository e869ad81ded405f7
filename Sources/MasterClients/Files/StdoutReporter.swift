import Diagnosis
private import Glibc
import Synchronization
import SystemPackage
import SystemSupport

/// Reports to standard output, one metric a line, whole lines at a time.
final class StdoutReporter: EnvelopeReporter {
    private let descriptor: CInt
    private let fileSystem: FileSystem
    private let queue = BlockingQueue(label: "arobust.stdout", pool: .output)
    /// Whether the last write failed within a line, so that the next one must begin with a newline. Used only on the queue, where waiting for
    /// a slow reader holds up nobody else.
    private let isTorn = Mutex(false)
    private let isClosed = Atomic(false)

    /// - Parameter descriptor: is not closed, as it belongs to the process.
    init(descriptor: CInt = 1, fileSystem: FileSystem = FileSystem()) {
        self.descriptor = descriptor
        self.fileSystem = fileSystem
    }

    /// A reader may tell from the sequences what it already has, as a file does.
    var needsLanesInOrder: Bool { true }

    func report(_ batch: EnvelopeBatch) async -> ReportOutcome {
        var lines: [UInt8] = []
        var taken = 0
        var failure: ReportOutcome.Failure?
        for entry in batch.entries {
            do throws(MetricJSONError) {
                NDJSONLine.append(
                    try MetricBody(checking: batch.body(of: entry)), origin: batch.originJSON(of: entry),
                    publisher: batch.lane.publisher, epoch: batch.epoch, sequence: entry.sequence, to: &lines)
                taken += 1
            } catch {
                let error = ReportError(code: .refused, message: "the envelope's body is not a metric: \(error)")
                failure = .init(count: 1, error: error)
                break
            }
        }
        // It may be a terminal.
        if let error = await write(TerminalJSON.escaped(lines)) {
            return ReportOutcome(accepted: 0, failure: .init(count: max(taken, 1), error: error))
        }
        return ReportOutcome(accepted: taken, failure: failure)
    }

    /// Does not wait for a write that a slow reader holds up.
    func close() async {
        isClosed.store(true, ordering: .relaxed)
    }

    private func write(_ lines: [UInt8]) async -> ReportError? {
        await queue.run { [self] in
            guard !isClosed.load(ordering: .relaxed) else {
                return ReportError(code: .closed, message: "standard output is closed to reports")
            }
            guard !lines.isEmpty else { return nil }
            return isTorn.withLock { isTorn in
                BrokenPipeSignal.blocked { write(isTorn ? [0x0A] + lines : lines, &isTorn) }
            }
        }
    }

    private func write(_ lines: [UInt8], _ isTorn: inout Bool) -> ReportError? {
        var written = 0
        do throws(SystemCallError) {
            try fileSystem.writeAll(descriptor, lines, written: &written)
            isTorn = false
            return nil
        } catch {
            if written > 0 { isTorn = lines[written - 1] != 0x0A }
            if error.code == .brokenPipe {
                isClosed.store(true, ordering: .relaxed)
                return ReportError(code: .closed, message: "cannot write to standard output: its reader is gone")
            }
            return ReportError(code: .storage, message: "cannot write to standard output: \(error.reason)")
        }
    }
}
