internal import ConsoleStore
internal import Hang

/// Names ranks for people: one by its name, many by their number and as ranges.
struct RankNames {
    private let places: [(node: Int, rank: Int?)]
    private let ranks: [RankAnswer]
    private static let mostRanges = 8

    /// - Parameter ranks: all there are.
    init(of places: [(Int, Int?)], among ranks: [RankAnswer]) {
        var seen: Set<String> = []
        self.places = places.filter { seen.insert("\($0.0)/\($0.1.map(String.init) ?? "")").inserted }
            .map { (node: $0.0, rank: $0.1) }
        self.ranks = ranks
    }

    var isOne: Bool { places.count == 1 }

    /// `rank 3 on node 1`, `12 of 1,000 ranks: 3, 7-12`.
    var text: String { isOne ? one : counted + list }

    var capitalized: String { one.prefix(1).uppercased() + one.dropFirst() }

    private var one: String {
        guard let place = places.first else { return "no rank" }
        let hasMoreNodes = ranks.contains { $0.nodeRank != place.node }
        guard let rank = place.rank else { return "node \(place.node)" }
        return hasMoreNodes ? "rank \(rank) on node \(place.node)" : "rank \(rank)"
    }

    private var areNodes: Bool { places.allSatisfy { $0.rank == nil } }

    /// `12 of 1,000 ranks`
    var counted: String {
        let all = areNodes ? Set(ranks.map(\.nodeRank)).count : ranks.count
        let noun = areNodes ? "nodes" : "ranks"
        return places.count < all
            ? "\(Amount.count(places.count)) of \(Amount.count(all)) \(noun)"
            : "All \(Amount.count(places.count)) \(noun)"
    }

    /// `: 3, 7-12`; of ranks whose numbers come again on other nodes, the nodes. Empty if it is all of them.
    var list: String {
        let all = areNodes ? Set(ranks.map(\.nodeRank)).count : ranks.count
        guard places.count < all else { return "" }
        if areNodes { return ": \(Self.list(RankSet(places.map(\.node))))" }
        let numbers = ranks.compactMap(\.rank)
        guard Set(numbers).count == numbers.count, places.allSatisfy({ $0.rank != nil }) else {
            let nodes = RankSet(places.map(\.node))
            return " on \(nodes.count == 1 ? "node" : "nodes") \(Self.list(nodes))"
        }
        return ": \(Self.list(RankSet(places.compactMap(\.rank))))"
    }

    /// `3, 7-12`, cut after some ranges.
    static func list(_ ranks: RankSet) -> String {
        let ranges = ranks.ranges.prefix(mostRanges).map {
            $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
        }
        return ranges.joined(separator: ", ") + (ranks.ranges.count > mostRanges ? " and more" : "")
    }
}

/// Amounts for people.
enum Amount {
    /// `1,000`
    static func count(_ number: some BinaryInteger) -> String {
        var text = ""
        for (index, digit) in String(number).reversed().enumerated() {
            if index > 0, index % 3 == 0, digit != "-" { text.append(",") }
            text.append(digit)
        }
        return String(text.reversed())
    }

    /// `12 s`, `3 min`, `2 h`, `4 days`
    static func duration(_ seconds: Double) -> String {
        // A clock may run before ours, and a time may come from a line.
        let seconds = Int(min(max(0, seconds.isFinite ? seconds : 0), 1e12))
        switch seconds {
        case ..<120: return "\(seconds) s"
        case ..<7200: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3600) h"
        default: return "\(count(seconds / 86_400)) days"
        }
    }
}

/// Text within a link.
enum PercentText {
    private static let hex = Array("0123456789ABCDEF".utf8)

    static func encoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
