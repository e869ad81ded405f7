/// The text that NCCL's RAS answers: the only form before 2.28.7, and ROCm's (`src/ras/client_support.cc`, 2.24 to 2.31).
///
/// Of a communicator only what is wrong is said, and of ranks that differ only the fewer are listed: those that are not, are the others.
struct RASText {
    /// A row of the table of groups: communicators alike in size and state.
    private struct Group {
        let size: Int
        let isRunning: Bool
    }

    private var status = RASStatus()
    private var groups: [Int: Group] = [:]
    private var current: RASCommunicator?
    /// The paragraph's heading where it is about the whole job.
    private var heading = ""
    /// The operation whose counts follow.
    private var operation: String?
    /// What the last line said of several ranks, whose list may follow.
    private var listed: Int64?
    /// Counts as they are said: how many ranks, and those that are named.
    private var said: [String: [(launched: Int64, number: Int, named: [Int])]] = [:]
    /// Where each communicator is in `status`.
    private var places: [String: Int] = [:]
    /// More communicators are not kept.
    private static let mostCommunicators = 100_000

    /// `nil` if it is no answer of RAS.
    static func status(of text: String) -> RASStatus? {
        var reader = RASText()
        var isAnswer = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var line = line
            if line.last == "\r" { line.removeLast() }
            if line.hasPrefix("NCCL version ") || line.hasPrefix("RCCL version ") || line.hasPrefix("Job summary") {
                isAnswer = true
            }
            reader.read(line)
        }
        reader.endCommunicator()
        reader.markDead()
        return isAnswer ? reader.status : nil
    }

    private mutating func read(_ line: Substring) {
        let words = line.split(separator: " ")
        guard let first = words.first else {
            (heading, listed) = ("", nil)
            return
        }
        if line.hasPrefix("NCCL version ") || line.hasPrefix("RCCL version ") {
            if status.version == nil { status.version = words.dropFirst(2).first.map(String.init) }
        } else if line.first == "#", words.count >= 3 {
            endCommunicator()
            beginCommunicator(first, words)
        } else if !line.hasPrefix(" "), first.allSatisfy(\.isLetter), words.count == 1 {
            endCommunicator()
            heading = String(first)
        } else if words.count >= 8, let index = Int(first), words[1...2].allSatisfy({ Int($0) != nil }) {
            readRow(index, words)
        } else if line.hasPrefix("  ") {
            readDetail(line.drop { $0 == " " }, words)
        }
    }

    /// `    0         1         4         8        32        32   RUNNING  MISMATCH`
    private mutating func readRow(_ index: Int, _ words: [Substring]) {
        guard let size = Int(words[4]), groups.count < 10_000 else { return }
        groups[index] = Group(size: size, isRunning: words[6] == "RUNNING")
        status.communicatorCount += min(max(Int(words[1]) ?? 0, 0), RASCommunicator.ranks.upperBound)
    }

    /// `#0-0 (27a079b828ff1a75) MISMATCH`
    private mutating func beginCommunicator(_ place: Substring, _ words: [Substring]) {
        heading = String(words[2])
        let index = Int(place.dropFirst().prefix { $0 != "-" })
        let id = String(words[1].drop { $0 == "(" }.prefix { $0 != ")" })
        let group = index.flatMap { groups[$0] }
        current = RASCommunicator(id: id, size: group?.size ?? 0, isRunning: group?.isRunning ?? false)
    }

    private mutating func readDetail(_ line: Substring, _ words: [Substring]) {
        if line.hasPrefix("Communicator ranks have different ") {
            let rest = words.dropFirst(4)
            operation = rest.first == "status" ? nil : rest.first.map(String.init)
            if rest.first == "status" { current?.isRunning = false }
            listed = nil
        } else if words.first == "Rank", let rank = words.dropFirst().first.flatMap({ Int($0) }),
            RASCommunicator.ranks.contains(rank)
        {
            readRank(rank, line, words)
        } else if words.first == "Process", let process = RASProcess(words: words) {
            if heading == "DEAD" { status.dead.append(process) }
            if heading == "INCOMPLETE", current == nil { status.missing.append(process) }
        } else if let number = Int(words[0]), let launched = Self.launched(line) {
            listed = launched
            count(launched, number: number, named: nil)
        } else if heading == "ERROR" {
            current?.errors.append(String(line.prefix(200)))
        }
    }

    private mutating func readRank(_ rank: Int, _ line: Substring, _ words: [Substring]) {
        if let process = RASProcess(words: words) { current?.processes[rank] = process }
        switch heading {
        case "INCOMPLETE": current?.missing.append(RASMissingRank(rank: rank, state: .missing))
        case "ERROR": current?.errors.append(String(line.prefix(200)))
        case "MISMATCH":
            if let launched = Self.launched(line) {
                listed = nil
                count(launched, number: 1, named: rank)
            } else if let listed {
                count(listed, number: 0, named: rank)
            }
        default: break
        }
    }

    private mutating func count(_ launched: Int64, number: Int, named rank: Int?) {
        guard let operation else { return }
        var counts = said[operation] ?? []
        let index = counts.firstIndex { $0.launched == launched } ?? counts.count
        if index == counts.count {
            guard counts.count < 1000 else { return }
            counts.append((launched, 0, []))
        }
        // Only one holder of the array, so that nothing is copied.
        said[operation] = nil
        counts[index].number += min(max(number, 0), 1_000_000)
        if let rank { counts[index].named.append(rank) }
        said[operation] = counts
    }

    /// `… have launched up to operation 6650`, `… has not launched any operations`.
    private static func launched(_ line: Substring) -> Int64? {
        let words = line.split(separator: " ")
        if let index = words.firstIndex(of: "operation"), index + 1 < words.count, words.contains("launched") {
            return Int64(words[index + 1])
        }
        return words.contains("launched") && words.contains("any") ? 0 : nil
    }

    private mutating func endCommunicator() {
        defer { (current, operation, listed, said) = (nil, nil, nil, [:]) }
        guard var communicator = current else { return }
        let absent = RankSet(communicator.missing.map(\.rank))
        for (operation, counts) in said {
            let named = counts.map { RankSet($0.named) }
            let everyone = communicator.size > 0 ? RankSet("0-\(communicator.size - 1)") ?? RankSet() : RankSet()
            let rest = everyone.subtracting(named.reduce(into: absent) { $0.formUnion($1) })
            let isOnly = zip(counts, named).count { $1.count < $0.number } == 1
            communicator.counts[operation] = zip(counts, named).map { count, named in
                // Where several counts have ranks that are not named, nobody knows which is which.
                RASCount(launched: count.launched, ranks: named.count < count.number && isOnly ? rest : named)
            }.sorted { $0.launched > $1.launched }
        }
        // A communicator may have a paragraph under Errors and another under Warnings.
        if let index = places[communicator.id] {
            // In place: whoever repeats one for ever must not make it costly.
            status.communicators[index].isRunning = status.communicators[index].isRunning && communicator.isRunning
            status.communicators[index].missing += communicator.missing
            status.communicators[index].errors += communicator.errors
            status.communicators[index].counts.merge(communicator.counts) { _, own in own }
            status.communicators[index].processes.merge(communicator.processes) { _, own in own }
        } else if places.count < Self.mostCommunicators {
            places[communicator.id] = status.communicators.count
            status.communicators.append(communicator)
        }
    }

    /// Who is dead is said of processes alone.
    private mutating func markDead() {
        let dead = Set(status.dead.map { "\($0.pid) \($0.host)" })
        func isDead(_ process: RASProcess?) -> Bool { process.map { dead.contains("\($0.pid) \($0.host)") } ?? false }
        for index in status.communicators.indices {
            for place in status.communicators[index].missing.indices {
                let rank = status.communicators[index].missing[place].rank
                if isDead(status.communicators[index].processes[rank]) {
                    status.communicators[index].missing[place].state = .dead
                }
            }
        }
        status.missing.removeAll { isDead($0) }
        status.communicatorCount = max(status.communicatorCount, status.communicators.count)
    }
}

extension RASStatus {
    /// Reads the answer in text. `nil` if it is none of RAS.
    package init?(text: String) {
        guard let status = RASText.status(of: text) else { return nil }
        self = status
    }
}

extension RASProcess {
    /// `… GPU 3 managed by process 1650386 on node node1`, `Process 3487984 on node 172.16.64.213 managing GPU 5`.
    fileprivate init?(words: [Substring]) {
        func word(after name: String, _ offset: Int = 1) -> Substring? {
            words.firstIndex(of: Substring(name)).flatMap { $0 + offset < words.count ? words[$0 + offset] : nil }
        }
        guard let pid = (word(after: "process") ?? word(after: "Process")).flatMap({ Int($0) }),
            let host = word(after: "node")
        else { return nil }
        var gpu = ""
        if let start = words.firstIndex(where: { $0 == "GPU" || $0 == "GPUs" }) {
            gpu = words[(start + 1)...].prefix { $0 != "managed" }.joined(separator: " ")
        }
        self.init(host: String(host), pid: pid, gpu: gpu)
    }
}
