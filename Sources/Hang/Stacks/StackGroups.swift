internal import LogText

/// Stacks of any number of ranks, equal ones folded: `0-2/5-7` stand in the same place. Groups of many nodes merge, in any order.
package struct StackGroups: Hashable, Sendable {
    /// By the group without its ranks.
    private var ranksOf: [StackGroup: RankSet] = [:]

    package init() {}

    /// Folds samples; several of one rank tell whether it moves.
    package init(_ samples: [RankStacks]) {
        let ranks = Dictionary(grouping: samples.filter { $0.rank != nil }) { $0.rank ?? 0 }
        for (rank, samples) in ranks { add(samples.sorted { $0.time < $1.time }, of: rank) }
    }

    package mutating func merge(_ other: StackGroups) {
        for (group, ranks) in other.ranksOf { ranksOf[group, default: RankSet()].formUnion(ranks) }
    }

    package var ranks: RankSet { ranksOf.values.reduce(RankSet()) { $0.union($1) } }

    /// The smallest group first; of those as small, the ones that don't wait in a collective.
    package var groups: [StackGroup] {
        ranksOf.map { group, ranks in
            var group = group
            group.ranks = ranks
            return (size: ranks.count, waits: group.isInCollective ? 1 : 0, order: group.order, group: group)
        }.sorted { ($0.size, $0.waits, $0.order) < ($1.size, $1.waits, $1.order) }.map(\.group)
    }

    private mutating func add(_ samples: [RankStacks], of rank: Int) {
        let read = samples.filter { sample in sample.threads.contains { !$0.frames.isEmpty } }
        guard let last = read.last ?? samples.last else { return }
        let ranks = RankSet([rank])
        let main = last.mainThread
        let stacks = read.compactMap { $0.mainThread?.frames }
        var group = StackGroup(frames: main?.frames ?? [], ranks: ranks)
        group.isStuck = stacks.count < 2 ? nil : Set(stacks).count == 1
        group.ownsGIL = main?.ownsGIL ?? false
        group.isUninterruptible = last.state == "D" || main?.state == "D"
        group.isStopped = last.state == "T" || last.state == "t"
        group.kernelFunction = main?.frames.isEmpty ?? true ? main?.waitChannel : nil
        if main != nil || group.isStopped || group.isUninterruptible { add(group) }
        // A thread beside the main one that holds the lock keeps it from going on.
        for thread in last.threads where thread.ownsGIL == true && thread != main {
            var holder = StackGroup(frames: thread.frames, ranks: ranks)
            holder.thread = thread.name ?? "a thread without a name"
            holder.ownsGIL = true
            add(holder)
        }
    }

    private mutating func add(_ group: StackGroup) {
        var key = group
        key.ranks = RankSet()
        ranksOf[key, default: RankSet()].formUnion(group.ranks)
    }
}

extension StackGroups: Codable {
    package init(from decoder: any Decoder) throws {
        for group in try [StackGroup](from: decoder) { add(group) }
    }

    package func encode(to encoder: any Encoder) throws {
        try groups.encode(to: encoder)
    }
}

/// The ranks whose main thread stands in the same place.
package struct StackGroup: Hashable, Sendable, Codable {
    /// Innermost first.
    package var frames: [StackFrame]
    package var ranks: RankSet
    /// `nil`: the main thread; else the name of a thread that holds Python's lock.
    package var thread: String?
    /// Whether it was the same in all samples (`true`), or changed (`false`: slow, not stuck). `nil`: one sample.
    package var isStuck: Bool?
    package var ownsGIL = false
    package var isUninterruptible = false
    package var isStopped = false
    /// Where the kernel has it wait, if there are no frames.
    package var kernelFunction: String?

    package init(frames: [StackFrame], ranks: RankSet) {
        self.frames = frames
        self.ranks = ranks
    }

    /// Outermost first: `main (train.py:90);step (train.py:41);all_reduce (…)`. The form of flame graphs.
    package var collapsed: String {
        frames.isEmpty ? "(\(kernelFunction ?? "no frames"))" : frames.reversed().map(\.text).joined(separator: ";")
    }

    /// A short name of the stack: 16 hexadecimal digits.
    package var hash: String { StableHash.hex(of: collapsed) }

    /// Whether it stands in a collective operation of PyTorch.
    package var isInCollective: Bool { frames.contains(where: CollectiveFrames.isOne) }

    /// What tells groups apart, as a text to order them by.
    var order: String {
        [
            collapsed, thread ?? "", isStuck.map { $0 ? "stuck" : "moving" } ?? "", ownsGIL ? "gil" : "",
            isUninterruptible ? "D" : "", isStopped ? "T" : "",
        ].joined(separator: "\u{1}")
    }

    /// `in a collective, stuck, holds the GIL`
    package var remarks: [String] {
        var remarks: [String] = []
        if let thread { remarks.append("thread \(thread)") }
        if isInCollective { remarks.append("in a collective") }
        if let isStuck { remarks.append(isStuck ? "the same in all samples" : "moving") }
        if ownsGIL { remarks.append("holds the GIL") }
        if isUninterruptible { remarks.append("in an uninterruptible sleep (D)") }
        if isStopped { remarks.append("stopped (T)") }
        return remarks
    }
}

extension StackFrame {
    /// `all_reduce (torch/distributed/distributed_c10d.py:4174)`
    package var text: String {
        if file.isEmpty { return function }
        return line > 0 ? "\(function) (\(file):\(line))" : "\(function) (\(file))"
    }

    /// `train.py:88`
    package var place: String {
        let name = file.split(separator: "/").last.map(String.init) ?? function
        return line > 0 ? "\(name):\(line)" : name
    }
}

extension RankStacks {
    /// The thread in which the program began: where training stands. Without one that is marked or named so, the first that has the process's id,
    /// or the only one with frames.
    package var mainThread: ThreadStack? {
        threads.first { $0.isMain == true } ?? threads.first { $0.name == "MainThread" }
            ?? threads.first { $0.osID == Int(pid) && pid != 0 } ?? (threads.count == 1 ? threads.first : nil)
    }
}
