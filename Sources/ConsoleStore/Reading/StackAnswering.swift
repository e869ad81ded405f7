private import FoundationEssentials
internal import Hang

/// Makes groups, a flame graph and the samples side by side of ranks' stacks.
struct StackAnswering {
    private static let mostGroups = 500
    private static let mostFlames = 20_000
    private static let mostSides = 64
    private static let mostSamplesOfSide = 10

    private let samples: [RankStacks]
    private let keys: [Int: String]
    private let culprits: RankSet

    /// - Parameters:
    ///   - keys: of the ranks' rows.
    ///   - culprits: whom the others wait for, as all evidence together says.
    init(_ samples: [RankStacks], keys: [Int: String], culprits: RankSet) {
        self.samples = samples
        self.keys = keys
        self.culprits = culprits
    }

    func answer(time: Double, incident: String?) -> StacksAnswer {
        let all = StackGroups(samples).groups
        let groups = all.filter(isOutlier) + all.filter { !isOutlier($0) }
        let shown = groups.prefix(Self.mostGroups).map { group in
            StacksAnswer.Group(
                ranks: group.ranks.map(key), count: group.ranks.count,
                outlier: isOutlier(group), text: group.frames.map(\.text),
                state: group.isStuck.map { $0 ? "stuck" : "moving" } ?? "seen once",
                note: group.remarks.isEmpty ? nil : group.remarks.joined(separator: ", "))
        }
        return StacksAnswer(
            time: time, incident: incident, samples: samples.count, groups: Array(shown), flame: Self.flame(groups),
            sides: sides(in: groups))
    }

    private func isOutlier(_ group: StackGroup) -> Bool { !group.ranks.intersection(culprits).isEmpty }

    private func key(_ rank: Int) -> String { keys[rank] ?? "\(rank)" }

    /// The samples of ranks, those of the smallest groups first.
    private func sides(in groups: [StackGroup]) -> [StacksAnswer.Side] {
        let ofRank = Dictionary(grouping: samples.filter { $0.rank != nil }) { $0.rank ?? 0 }
        var (sides, seen): ([StacksAnswer.Side], Set<Int>) = ([], [])
        for rank in groups.flatMap({ Array($0.ranks) }) where sides.count < Self.mostSides && seen.insert(rank).inserted
        {
            let frames = (ofRank[rank] ?? []).sorted { $0.time < $1.time }
                .compactMap { sample in sample.mainThread.map { $0.frames.map(\.text) } }.filter { !$0.isEmpty }
            if !frames.isEmpty { sides.append(.init(key: key(rank), samples: frames.suffix(Self.mostSamplesOfSide))) }
        }
        return sides
    }

    private static func flame(_ groups: [StackGroup]) -> StacksAnswer.Flame? {
        var paths: [(frames: ArraySlice<String>, ranks: Int)] = []
        for group in groups where !group.frames.isEmpty {
            paths.append((group.frames.reversed().prefix(200).map(\.text)[...], group.ranks.count))
        }
        guard !paths.isEmpty else { return nil }
        var room = mostFlames
        return flame("all", paths, &room)
    }

    private static func flame(
        _ name: String, _ paths: [(frames: ArraySlice<String>, ranks: Int)], _ room: inout Int
    ) -> StacksAnswer.Flame {
        var flame = StacksAnswer.Flame(name: name, value: paths.reduce(0) { $0 + $1.ranks }, children: [])
        let below = Dictionary(grouping: paths.filter { !$0.frames.isEmpty }) { $0.frames.first ?? "" }
        for (name, paths) in below.sorted(by: { $0.key < $1.key }) where room > 0 {
            room -= 1
            flame.children.append(Self.flame(name, paths.map { ($0.frames.dropFirst(), $0.ranks) }, &room))
        }
        return flame
    }
}

extension RankStacks {
    init?(json: [UInt8]) {
        guard let read = try? JSONDecoder().decode(RankStacks.self, from: Data(json)) else { return nil }
        self = read
    }
}
