package import Hang
internal import SystemSupport

/// Hands in the newest dump that each rank of this node has left in a file, after asking for a new one where ranks have pipes.
///
/// A dump from before its rank's process was started is no evidence, nor is an old one of a rank that runs no more. Writing to a pipe lets
/// PyTorch write a file, and stops nothing.
package struct FlightRecorderFiles: EvidenceSource {
    /// So much of the time is left for handing in.
    private static let reserve: Duration = .milliseconds(300)
    private static let pause: Duration = .milliseconds(100)
    /// How long a file that does not end as a dump does must keep its size to be taken for what it is.
    private static let settling: Duration = .seconds(1)

    /// What may be changed for tests.
    struct Limits {
        /// How long a dump that was asked for is waited for.
        var answer: Duration = .seconds(8)
        /// A dump as young as this is not asked for again.
        var fresh: Int64 = 30
        /// A dump of a rank that runs no more is taken up to this age, in seconds.
        var age: Int64 = 900
    }

    private let places: FlightRecorderPlaces
    private let memory: FlightRecorderMemory
    private let limits: Limits

    /// - Parameter memory: the same that the watch has.
    package init(places: FlightRecorderPlaces, memory: FlightRecorderMemory = FlightRecorderMemory()) {
        self.init(places: places, memory: memory, limits: Limits())
    }

    init(places: FlightRecorderPlaces, memory: FlightRecorderMemory, limits: Limits) {
        self.places = places
        self.memory = memory
        self.limits = limits
    }

    /// A rank whose dump is to be handed in.
    private struct Rank: Sendable {
        let number: Int
        /// What there was before it was asked.
        let first: FlightRecorderFile?
        /// Whether that is evidence.
        var isFirstUsable = true
        /// Until when another file is waited for; `nil`: it was not asked.
        var answerBy: ContinuousClock.Instant?
        /// How the dump at hand is read: as it was seen last, and since when.
        var seen: (dump: FlightRecorderFile, since: ContinuousClock.Instant)?
        /// Sentences for where there is no dump.
        var notes: [String] = []
    }

    /// A look at the files, of a thread that may hang in the file system.
    private struct Look: Sendable {
        var ranks: [Rank]
        var prefixes: [FlightRecorderPlaces.Prefix]
        /// Where nothing is known of any rank.
        var problem: String?
    }

    package func collect(
        until deadline: ContinuousClock.Instant, _ take: @Sendable (EvidencePiece) async -> Void
    ) async {
        let end = deadline - Self.reserve
        guard let look = await onThread(until: end, { [self] in begin(until: end) }) else {
            return await take(missing(nil, "the file system did not answer in time"))
        }
        if let problem = look.problem { return await take(missing(nil, problem)) }
        var waiting = look.ranks
        while !waiting.isEmpty {
            let batch = waiting
            guard let next = await onThread(until: end, { [self] in self.look(at: batch, look.prefixes, until: end) })
            else {
                for rank in waiting { await take(missing(rank.number, "the file system did not answer in time")) }
                return
            }
            waiting = []
            for (rank, decision) in zip(next.ranks, next.decisions) {
                switch decision {
                case .wait: waiting.append(rank)
                case .none(let reason): await take(missing(rank.number, reason))
                case .read(let dump):
                    let piece = await onThread(until: end) { Self.piece(of: dump, notes: rank.notes) }
                    await take(piece ?? missing(rank.number, "\(dump.path) could not be read in time"))
                }
            }
            guard !waiting.isEmpty else { return }
            guard (try? await Task.sleep(for: Self.pause)) != nil else {
                for rank in waiting { await take(missing(rank.number, "it was given up")) }
                return
            }
        }
    }

    private func onThread<Result: Sendable>(
        until end: ContinuousClock.Instant, _ work: @escaping @Sendable () -> Result
    ) async -> Result? {
        await PinnedThread.run(name: "flight-recorder", patience: max(.milliseconds(1), end - .now), work)
    }

    private func missing(_ rank: Int?, _ reason: String) -> EvidencePiece {
        .missing(
            .flightRecorder, rank: rank, source: "Flight Recorder dump files", time: WallClock.seconds(),
            because: reason)
    }

    // MARK: on a thread

    /// Finds the ranks and their dumps, and asks for new ones.
    private func begin(until end: ContinuousClock.Instant) -> Look {
        let processes = LocalRank.all()
        let prefixes = memory.prefixes(adding: places.prefixes(of: processes))
        guard !prefixes.isEmpty else {
            return Look(
                ranks: [], prefixes: [],
                problem:
                    "no training process that this user may look at runs here; flight-recorder.files can name the prefix of the dumps"
            )
        }
        let (dumps, problems) = FlightRecorderFile.all(at: prefixes)
        let newest = Dictionary(dumps.map { ($0.rank, $0) }) { $0.modified >= $1.modified ? $0 : $1 }
        let byRank = Dictionary(processes.compactMap { process in process.rank.map { ($0, process) } }) { first, _ in
            first
        }
        let now = WallClock.seconds()
        var ranks: [Rank] = byRank.keys.sorted().map { number in
            var rank = Rank(number: number, first: newest[number])
            if rank.first == nil, let process = byRank[number] {
                // Those of its own places alone.
                let folders = Set(places.prefixes(of: [process]).map(\.folder))
                rank.notes = folders.sorted().compactMap { problems[$0] }
            }
            if let dump = rank.first, let process = byRank[number], dump.time < process.startedAt - 1 {
                rank.notes.append("\(dump.path) is from before the rank's process was started")
                rank.isFirstUsable = false
            }
            return rank
        }
        // Those whose processes can't be seen or are gone.
        for (number, dump) in newest.sorted(by: { $0.key < $1.key })
        where byRank[number] == nil && dump.time >= now - limits.age {
            ranks.append(Rank(number: number, first: dump))
        }
        guard !ranks.isEmpty else {
            let old = dumps.isEmpty ? "" : "; the dumps that are there are older than \(limits.age / 60) min"
            let searched = prefixes.prefix(4).map { "\($0.folder)/\($0.name)" }.joined(separator: ", ")
            return Look(
                ranks: [], prefixes: prefixes,
                problem: ([problems.isEmpty ? "no dump is at \(searched)\(old)" : nil].compactMap(\.self)
                    + problems.values.sorted().prefix(4))
                    .joined(separator: "; "))
        }
        for index in ranks.indices { ask(&ranks[index], byRank[ranks[index].number], now, until: end) }
        return Look(ranks: ranks, prefixes: prefixes, problem: nil)
    }

    private func ask(_ rank: inout Rank, _ process: LocalRank?, _ now: Int64, until end: ContinuousClock.Instant) {
        if rank.isFirstUsable, let dump = rank.first, dump.time >= now - limits.fresh { return }
        guard let pipe = places.pipe(of: rank.number, process: process) else {
            if rank.first == nil {
                rank.notes.append(
                    "the rank has written none; it does when PyTorch's watchdog gives up, or when it is asked, which TORCH_NCCL_DEBUG_INFO_PIPE_FILE and flight-recorder.pipe allow with NCCL"
                )
            }
            return
        }
        do throws(SystemCallError) {
            try memory.ask(rank.number, at: pipe)
            rank.answerBy = min(.now + limits.answer, end)
        } catch {
            rank.notes.append("no dump could be asked for: \(error)")
        }
    }

    private enum Decision: Sendable {
        case wait
        case read(FlightRecorderFile)
        case none(String)
    }

    private func look(
        at ranks: [Rank], _ prefixes: [FlightRecorderPlaces.Prefix], until end: ContinuousClock.Instant
    ) -> (ranks: [Rank], decisions: [Decision]) {
        var ranks = ranks
        var decisions: [Decision] = []
        let (dumps, _) = FlightRecorderFile.all(at: prefixes)
        let newest = Dictionary(dumps.map { ($0.rank, $0) }) { $0.modified >= $1.modified ? $0 : $1 }
        for index in ranks.indices { decisions.append(decide(&ranks[index], newest[ranks[index].number], until: end)) }
        return (ranks, decisions)
    }

    private func decide(
        _ rank: inout Rank, _ newest: FlightRecorderFile?, until end: ContinuousClock.Instant
    ) -> Decision {
        let now = ContinuousClock.now
        let changed = newest == rank.first ? nil : newest
        if let answerBy = rank.answerBy, changed == nil {
            guard now >= answerBy else { return .wait }
            rank.answerBy = nil
            rank.notes.append("the rank was asked for a dump through its pipe and wrote none in time")
        }
        guard let dump = changed ?? (rank.isFirstUsable ? rank.first : nil) else {
            return .none(rank.notes.joined(separator: "; "))
        }
        let isEnd = now + Self.pause >= end
        guard let seen = rank.seen, seen.dump == dump else {
            rank.seen = (dump, now)
            return isEnd ? .none("\(dump.path) is still being written") : .wait
        }
        if dump.endsWhole || now - seen.since >= Self.settling { return .read(dump) }
        return isEnd ? .none("\(dump.path) is still being written") : .wait
    }

    private static func piece(of dump: FlightRecorderFile, notes: [String]) -> EvidencePiece {
        let source = "dump \(dump.path)" + (notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))")
        do throws(SystemCallError) {
            let content = try dump.read()
            guard !content.isEmpty else {
                return .missing(
                    .flightRecorder, rank: dump.rank, source: source, time: dump.time, because: "\(dump.path) is empty")
            }
            return EvidencePiece(
                kind: .flightRecorder, rank: dump.rank, source: source, time: dump.time, content: content)
        } catch {
            return .missing(
                .flightRecorder, rank: dump.rank, source: source, time: dump.time, because: "\(error)")
        }
    }
}
