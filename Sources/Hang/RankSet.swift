/// A set of ranks, kept as ranges: `0-2/5-7` in text, as STAT and `scontrol` users know it. A thousand neighbours take as much as one.
package struct RankSet: Hashable, Sendable {
    /// Ascending, apart from each other by at least one rank.
    package private(set) var ranges: [ClosedRange<Int>] = []

    package init() {}

    package init(_ ranks: some Sequence<Int>) {
        for rank in ranks.sorted() {
            guard let last = ranges.last, rank <= last.upperBound + 1 else {
                ranges.append(rank...rank)
                continue
            }
            ranges[ranges.count - 1] = last.lowerBound...Swift.max(last.upperBound, rank)
        }
    }

    private init(joining sorted: [ClosedRange<Int>]) {
        for range in sorted {
            guard let last = ranges.last, range.lowerBound <= last.upperBound + 1 else {
                ranges.append(range)
                continue
            }
            ranges[ranges.count - 1] = last.lowerBound...Swift.max(last.upperBound, range.upperBound)
        }
    }

    package var isEmpty: Bool { ranges.isEmpty }
    package var count: Int { ranges.reduce(0) { $0 + $1.count } }
    package var first: Int? { ranges.first?.lowerBound }
    package var last: Int? { ranges.last?.upperBound }

    package func contains(_ rank: Int) -> Bool {
        ranges.contains { $0.contains(rank) }
    }

    package mutating func insert(_ rank: Int) {
        formUnion(RankSet([rank]))
    }

    package mutating func formUnion(_ other: RankSet) {
        guard !other.isEmpty else { return }
        self = RankSet(joining: (ranges + other.ranges).sorted { $0.lowerBound < $1.lowerBound })
    }

    package func union(_ other: RankSet) -> RankSet {
        var union = self
        union.formUnion(other)
        return union
    }

    package func subtracting(_ other: RankSet) -> RankSet {
        var rest = RankSet()
        for range in ranges {
            var start = range.lowerBound
            for hole in other.ranges where hole.upperBound >= start && hole.lowerBound <= range.upperBound {
                if hole.lowerBound > start { rest.ranges.append(start...(hole.lowerBound - 1)) }
                start = hole.upperBound + 1
            }
            if start <= range.upperBound { rest.ranges.append(start...range.upperBound) }
        }
        return rest
    }

    package func intersection(_ other: RankSet) -> RankSet {
        subtracting(subtracting(other))
    }
}

extension RankSet: Sequence {
    package func makeIterator() -> some IteratorProtocol<Int> {
        ranges.lazy.joined().makeIterator()
    }
}

extension RankSet: CustomStringConvertible {
    /// `0-2/5-7`; empty for no rank.
    package var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: "/")
    }

    /// Reads what `description` writes; commas may stand for slashes. `nil` if it is anything else, or names more than a million ranks.
    package init?(_ text: String) {
        var read: [ClosedRange<Int>] = []
        for part in text.split(whereSeparator: { $0 == "/" || $0 == "," }) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, 0 <= first,
                first <= last,
                last < 1_000_000
            else { return nil }
            read.append(first...last)
        }
        self.init(joining: read.sorted { $0.lowerBound < $1.lowerBound })
    }

    /// `rank 1`, `ranks 0-2/5-7`.
    package var title: String { count == 1 ? "rank \(self)" : "ranks \(self)" }
}

extension RankSet: Comparable {
    /// By the lowest rank in which they differ; a set before one that only goes on.
    package static func < (left: RankSet, right: RankSet) -> Bool {
        let (first, second) = (
            left.ranges.flatMap { [$0.lowerBound, $0.upperBound] },
            right.ranges.flatMap { [$0.lowerBound, $0.upperBound] }
        )
        return first.lexicographicallyPrecedes(second)
    }
}

extension RankSet: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let ranks = RankSet(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text.prefix(80))' are no ranks")
        }
        self = ranks
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
