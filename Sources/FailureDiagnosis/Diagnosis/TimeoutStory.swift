/// What PyTorch's watchdogs tell about ranks that waited for each other: who waited, in which operation, how long. It blames nobody: the rank
/// that others wait for may be one that wrote nothing.
///
///     [Rank 3] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1580, OpType=ALLREDUCE, …, Timeout(ms)=600000) ran for …
///
/// (`torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp`)
struct TimeoutStory {
    /// How far from a log's end the lines are searched for, in bytes.
    static let reach = 4 << 20
    private static let mark = Array("Watchdog caught collective operation timeout".utf8)
    /// How much of a line is read, in bytes, and how many ranks are listed.
    private static let lineBytes = 600
    private static let mostRanks = 1 << 16

    private struct Operation: Hashable {
        let name: String
        let number: Int
    }

    private var ranks: [Operation: Set<Int>] = [:]
    private var seconds = 0

    /// Adds the lines of a log's end.
    mutating func add(_ logEnd: UnsafeRawBufferPointer, rank: Int?) {
        var position = 0
        while let found = ByteText.find(
            Self.mark, in: UnsafeRawBufferPointer(rebasing: logEnd[position...]), ignoresCase: false)
        {
            let here = position + found
            position = here + Self.mark.count
            let line = LineBounds.line(in: logEnd, around: here, limit: Self.lineBytes * 2)
            let text = String(decoding: logEnd[line], as: UTF8.self)
            guard let number = Self.number(after: "SeqNum=", in: text) else { continue }
            let name = text.firstRange(of: "OpType=").map {
                String(text[$0.upperBound...].prefix { $0 != "," && $0 != ")" })
            }
            let rank = Self.number(after: "[Rank ", in: text) ?? Self.number(after: "[rank", in: text) ?? rank
            let operation = Operation(name: name ?? "an operation", number: number)
            if ranks.count < Self.mostRanks, let rank { ranks[operation, default: []].insert(rank) }
            seconds = max(seconds, (Self.number(after: "ran for ", in: text) ?? 0) / 1000)
        }
    }

    /// `8 ranks (0-7) waited 600 s in ALLREDUCE number 1580`; `nil` if no watchdog wrote.
    var text: String? {
        guard !ranks.isEmpty else { return nil }
        let parts = ranks.sorted { ($0.key.number, $0.key.name) < ($1.key.number, $1.key.name) }.map {
            operation, ranks in
            "\(ranks.count == 1 ? "rank" : "\(ranks.count) ranks,") \(Self.list(ranks)) in \(operation.name) (SeqNum \(operation.number))"
        }
        let waited = "waited \(seconds) s for other ranks: " + parts.prefix(8).joined(separator: "; ")
        return waited
            + (ranks.count > 1 ? "; they were not in the same operation" : "; no rank is named that did not come")
    }

    /// `0-7, 9`
    private static func list(_ ranks: Set<Int>) -> String {
        var parts: [ClosedRange<Int>] = []
        for rank in ranks.sorted() {
            if let last = parts.last, last.upperBound + 1 == rank {
                parts[parts.count - 1] = last.lowerBound...rank
            } else {
                parts.append(rank...rank)
            }
        }
        let texts = parts.prefix(20).map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        return texts.joined(separator: ", ") + (parts.count > 20 ? ", …" : "")
    }

    private static func number(after key: String, in text: String) -> Int? {
        text.firstRange(of: key).flatMap { Int(text[$0.upperBound...].prefix { $0.isASCII && $0.isNumber }) }
    }
}
