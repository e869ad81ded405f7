package import Hang
private import Glibc
private import Synchronization
internal import SystemSupport

/// The last lines of every followed log, also those that were not read yet, as evidence: a piece a log.
///
/// At most 64 logs, those of the smallest ranks first, then those that were written last. Files are read on a thread of their own: one that
/// hangs on a dead file server holds up nobody, and no second one is started beside it.
package final class LastLogLines: EvidenceSource {
    static let mostLogs = 64
    /// So many logs are looked at for the choice.
    private static let mostFound = 10_000

    private let paths: @Sendable () -> [String]
    private let open: @Sendable (String) throws -> CInt
    private let nodeRank: Int
    private let isReading = Mutex(false)

    /// - Parameters:
    ///   - open: gives a descriptor of a log that may be read, which is closed here. Whoever can write to a log's folder must not have others'
    ///     files read.
    ///   - paths: the followed logs, absolute; may block, and is called on the thread that reads them.
    package init(
        nodeRank: Int, open: @escaping @Sendable (String) throws -> CInt,
        paths: @escaping @Sendable () -> [String]
    ) {
        self.nodeRank = nodeRank
        self.open = open
        self.paths = paths
    }

    package func collect(
        until deadline: ContinuousClock.Instant, _ take: @Sendable (EvidencePiece) async -> Void
    ) async {
        let time = WallClock.seconds()
        func missing(_ reason: String) -> EvidencePiece {
            .missing(.log, source: "the followed logs", time: time, because: reason)
        }
        let isFirst = isReading.withLock { isReading in
            defer { isReading = true }
            return !isReading
        }
        guard isFirst else {
            return await take(
                missing("a file is still being read for the last time that this was asked: its disk does not answer"))
        }
        let (pieces, output) = AsyncStream<EvidencePiece>.makeStream(
            bufferingPolicy: .bufferingOldest(Self.mostLogs + 1))
        PinnedThread.start(name: "log-ends") { [self] in
            readAll(until: deadline, time: time) { output.yield($0) }
            output.finish()
            isReading.withLock { $0 = false }
        }
        let timer = Task {
            try await Task.sleep(until: deadline, clock: .continuous)
            output.yield(missing("the time was over before all logs were read"))
            output.finish()
        }
        for await piece in pieces { await take(piece) }
        timer.cancel()
    }

    private func readAll(until deadline: ContinuousClock.Instant, time: Int64, _ take: (EvidencePiece) -> Void) {
        let found = paths().prefix(Self.mostFound).map { path in
            (path: path, rank: LogRank(path: path, nodeRank: nodeRank).rank, modified: FileTime.modified(path) ?? 0)
        }
        guard !found.isEmpty else {
            return take(
                .missing(
                    .log, source: "the followed logs", time: time,
                    because: "no log is followed; set logs.files or logs.torchrun"))
        }
        let chosen = found.sorted { ($0.rank ?? .max, $1.modified, $0.path) < ($1.rank ?? .max, $0.modified, $1.path) }
        for log in chosen.prefix(Self.mostLogs) {
            guard ContinuousClock.now < deadline else { return }
            do {
                let descriptor = try open(log.path)
                defer { close(descriptor) }
                let lines = try LastLines(of: descriptor, path: log.path)
                var piece = EvidencePiece(
                    kind: .log, rank: log.rank, source: log.path, time: time, content: lines.bytes)
                piece.lastLine = lines.modified
                take(piece)
            } catch {
                take(
                    .missing(
                        .log, rank: log.rank, source: log.path, time: time,
                        because: "\(error)"))
            }
        }
    }
}
