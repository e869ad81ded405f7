private import FoundationEssentials

/// Reads pieces of evidence into what is known. Each is read by itself and then dropped: a piece that can't be read is a note.
package struct EvidenceReader {
    private static let mostNotes = 1000
    private static let mostSamples = 100_000

    /// The evidence so far, but for the stacks.
    private var read = HangEvidence()
    private var samples: [RankStacks] = []
    /// Of each rank, the recording that was read last.
    private var recordings: [Int: CollectiveSummary] = [:]

    package init() {}

    /// - Parameter node: whose piece it is: the node's rank; empty if unknown.
    package mutating func add(_ piece: EvidencePiece, node: String = "") {
        if let reason = piece.missing {
            if piece.kind == .stacks || piece.kind == .process, let rank = piece.rank {
                return note("\(piece.kind.title) of rank \(rank): \(reason)")
            }
            if piece.kind == .flightRecorder, let rank = piece.rank { unread(rank) }
            return note("\(subject(piece)): \(reason)")
        }
        switch piece.kind {
        case .flightRecorder: addRecording(piece)
        case .stacks, .process: addStacks(piece, node: node)
        case .log: addLog(piece)
        case .summary: addSummary(piece)
        case .ras: addRAS(piece)
        case .waitCounters, .kernelLog, .progress: break
        }
    }

    package mutating func note(_ text: String) {
        guard read.notes.count < Self.mostNotes else { return }
        read.notes.insert(text)
    }

    /// Stacks that came in another form than a piece.
    package mutating func add(_ stacks: [RankStacks], node: String = "") {
        for sample in stacks {
            guard let rank = sample.rank else {
                note("\(sample.source): whose stacks process \(sample.pid) has is unknown: it has no rank")
                continue
            }
            if samples.count < Self.mostSamples, !sample.threads.isEmpty { samples.append(sample) }
            let process = RankFacts.Process(time: sample.time, node: node, pid: sample.pid, state: sample.state)
            read.ranks[rank, default: RankFacts()].merge(RankFacts(process: process))
        }
    }

    package mutating func add(_ evidence: HangEvidence) {
        read.merge(evidence)
    }

    package var evidence: HangEvidence {
        var evidence = read
        evidence.stacks.merge(StackGroups(samples))
        return evidence
    }

    private func subject(_ piece: EvidencePiece) -> String {
        let rank = piece.rank.map { ", rank \($0)" } ?? ""
        return "\(piece.kind.title) (\(piece.source)\(rank))"
    }

    private mutating func addRecording(_ piece: EvidencePiece) {
        guard let rank = piece.rank else {
            return note("\(piece.source): whose recording it is is unknown: it names no rank")
        }
        do throws(FlightRecorderError) {
            let dump = try FlightRecorderReader.dump(of: piece.content)
            let summary = CollectiveSummary(dump, rank: rank)
            if let earlier = recordings.updateValue(summary, forKey: rank), earlier.positions != summary.positions {
                read.moved.insert(rank)
            }
            read.collectives.merge(summary)
        } catch {
            unread(rank)
            note("\(piece.source): \(error)")
        }
    }

    /// A rank that has left a recording which can't be read, or none where there should be one.
    package mutating func unread(_ rank: Int) {
        read.collectives.merge(CollectiveSummary(unread: rank))
    }

    private mutating func addStacks(_ piece: EvidencePiece, node: String) {
        guard var stacks = try? JSONDecoder().decode(RankStacks.self, from: Data(piece.content)) else {
            return note("\(subject(piece)): it can't be read")
        }
        stacks.rank = stacks.rank ?? piece.rank
        add([stacks], node: node)
        // The same in all samples is one note.
        let whose = stacks.rank.map { "rank \($0)" } ?? "process \(stacks.pid)"
        for refusal in stacks.refusals.prefix(8) { note("\(piece.kind.title) of \(whose): \(refusal)") }
    }

    private mutating func addLog(_ piece: EvidencePiece) {
        guard let rank = piece.rank, let last = piece.lastLine else { return }
        let log = RankFacts.Log(time: piece.time, lastLine: last, path: piece.source)
        read.ranks[rank, default: RankFacts()].merge(RankFacts(log: log))
    }

    private mutating func addRAS(_ piece: EvidencePiece) {
        guard let status = RASStatus(answer: piece.content) else { return note("\(subject(piece)): it can't be read") }
        read.ras.formUnion(RASSign.signs(in: status))
    }

    private mutating func addSummary(_ piece: EvidencePiece) {
        guard let summary = try? JSONDecoder().decode(HangEvidence.self, from: Data(piece.content)) else {
            return note("\(subject(piece)): it can't be read")
        }
        read.merge(summary)
    }
}

extension EvidencePiece.Kind {
    /// For a note: `Flight Recorder`.
    package var title: String {
        switch self {
        case .flightRecorder: "Flight Recorder"
        case .waitCounters: "wait counters"
        case .ras: "NCCL RAS"
        case .process: "/proc"
        case .stacks: "stacks"
        case .log: "log"
        case .kernelLog: "kernel log"
        case .progress: "progress"
        case .summary: "summary"
        }
    }
}
