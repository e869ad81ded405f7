package import Hang
internal import SystemSupport

/// What the ranks' worker servers tell without Python's global lock: the Flight Recorder first, before its ring is overwritten, then the wait
/// counters. Their tracebacks are the stack ladder's.
package struct WorkerServerEvidence: EvidenceSource {
    /// How many ranks are asked at once: each may have a recorder of 64 MiB.
    private static let width = 4
    /// For one call. A recorder of 2,000 entries takes 34 ms.
    private static let longestCall: Duration = .seconds(5)

    private let ranks: LocalRanks
    private let finder: WorkerServerFinder

    package init(ranks: LocalRanks, servers: [WorkerServerPattern] = []) {
        self.ranks = ranks
        finder = WorkerServerFinder(patterns: servers)
    }

    private struct Rank: Sendable {
        let process: RankProcess
        let server: TorchWorkerServer
        /// Whether it answered for its recorder, or at least said why not.
        var answers = true
    }

    package func collect(
        until deadline: ContinuousClock.Instant, _ take: @Sendable (EvidencePiece) async -> Void
    ) async {
        let processes = await ranks.look(patience: min(.seconds(2), ContinuousClock.now.duration(to: deadline)))
        let finder = finder
        var asked: [Rank] = []
        await SideBySide.run(processes, width: Self.width) { process -> (EvidencePiece, Rank?) in
            let source = "worker server of process \(process.pid)"
            if let reason = await Self.reasonNotToAsk(process) {
                return (process.missing(.flightRecorder, source, reason), nil)
            }
            guard ContinuousClock.now < deadline else {
                return (process.missing(.flightRecorder, source, EvidenceTime.over), nil)
            }
            do throws(WorkerServerFinder.NoServer) {
                var rank = Rank(process: process, server: try await finder.server(of: process))
                return (await Self.recorder(of: &rank, until: deadline), rank)
            } catch {
                return (process.missing(.flightRecorder, source, error.reason), nil)
            }
        } _: { piece, rank in
            if let rank { asked.append(rank) }
            await take(piece)
        }
        await SideBySide.run(asked, width: Self.width) { rank in
            await Self.waitCounters(of: rank, until: deadline)
        } _: { piece in
            await take(piece)
        }
    }

    private static func reasonNotToAsk(_ process: RankProcess) async -> String? {
        await PatientLook.at(process.pid) {
            guard let now = try? ProcessStatus(pid: process.pid), now.startTime == process.startTime, !now.hasEnded
            else {
                return "the process is gone"
            }
            return now.isStopped
                ? "the process is stopped (\(now.state)), and so is its server; SIGCONT continues it" : nil
        } ?? nil
    }

    private static func recorder(of rank: inout Rank, until deadline: ContinuousClock.Instant) async -> EvidencePiece {
        let time = WallClock.seconds()
        do throws(TorchWorkerServer.Failure) {
            let (content, handler) = try await rank.server.flightRecorder(within: limit(until: deadline))
            return EvidencePiece(
                kind: .flightRecorder, rank: rank.process.rank, source: "\(rank.server.title), \(handler)", time: time,
                content: content)
        } catch {
            rank.answers = !error.isOpen
            return rank.process.missing(.flightRecorder, rank.server.title, "the \(rank.server.title) \(error.reason)")
        }
    }

    private static func waitCounters(of rank: Rank, until deadline: ContinuousClock.Instant) async -> EvidencePiece {
        let time = WallClock.seconds()
        guard rank.answers else {
            let reason = "the \(rank.server.title) was not asked: it had not answered for its recorder"
            return rank.process.missing(.waitCounters, rank.server.title, reason)
        }
        do throws(TorchWorkerServer.Failure) {
            let content = try await rank.server.waitCounters(within: limit(until: deadline))
            return EvidencePiece(
                kind: .waitCounters, rank: rank.process.rank, source: rank.server.title, time: time, content: content)
        } catch {
            return rank.process.missing(.waitCounters, rank.server.title, "the \(rank.server.title) \(error.reason)")
        }
    }

    private static func limit(until deadline: ContinuousClock.Instant) -> Duration {
        min(longestCall, ContinuousClock.now.duration(to: deadline))
    }
}
