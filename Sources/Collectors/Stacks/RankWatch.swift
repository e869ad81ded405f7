package import Hang
internal import SystemSupport

/// Looks now and then at the processes of the local ranks, and tells of one that does not run any more: in an uninterruptible sleep for long,
/// stopped, or gone while others of the node are still there.
///
/// Each is told of once. Costs two small reads a rank every `interval`, and a look at all processes once a minute.
package struct RankWatch: Sendable {
    /// How often the ranks that are known are looked at.
    package static let interval: Duration = .seconds(5)
    /// How often others are looked for, in rounds.
    private static let roundsBetweenSearches = 12
    /// For how long it must last, in seconds: a disk may be slow, a debugger may be at work, and a launcher ends its ranks one after another.
    private static let patience: [Character: Int64] = ["D": 30, "T": 10, "t": 60, "Z": 15, "X": 15]

    private let ranks: LocalRanks
    private let observer: any HangObserver
    private let isWanted: @Sendable () -> Bool

    /// - Parameter isWanted: whether the ranks are looked at now; asked before each look.
    package init(ranks: LocalRanks, observer: any HangObserver, isWanted: @escaping @Sendable () -> Bool = { true }) {
        self.ranks = ranks
        self.observer = observer
        self.isWanted = isWanted
    }

    /// Looks until the task is cancelled.
    package func run() async {
        var known: [RankProcess] = []
        var round = 0
        var signs = RankSigns()
        while !Task.isCancelled {
            guard isWanted() else {
                try? await Task.sleep(for: Self.interval)
                continue
            }
            if round % Self.roundsBetweenSearches == 0 { known = await ranks.look() }
            round += 1
            if !known.isEmpty {
                let states = await PatientLook.at(0) { [known] in known.map { ($0, Self.state(of: $0)) } }
                for sign in signs.take(states ?? [], at: WallClock.seconds()) { observer.suspect(sign) }
            }
            try? await Task.sleep(for: Self.interval)
        }
    }

    private static func state(of process: RankProcess) -> Character {
        guard let now = try? ProcessStatus(pid: process.pid), now.startTime == process.startTime else { return "X" }
        return now.state
    }

    /// What was seen of each process, and since when.
    struct RankSigns {
        private var since: [RankProcess: (state: Character, time: Int64, isTold: Bool)] = [:]

        /// - Returns: what is to be told now.
        mutating func take(_ states: [(RankProcess, Character)], at time: Int64) -> [HangSuspicion] {
            var signs: [HangSuspicion] = []
            let isAnyAlive = states.contains { !"XZ".contains($0.1) }
            var seen: [RankProcess: (state: Character, time: Int64, isTold: Bool)] = [:]
            for (process, state) in states {
                var sight = since[process] ?? (state, time, false)
                // A zombie that somebody waited for is gone: that is nothing new.
                if sight.state != state, !("XZ".contains(sight.state) && "XZ".contains(state)) {
                    sight = (state, time, false)
                }
                if let patience = RankWatch.patience[state], !sight.isTold, time - sight.time >= patience,
                    isAnyAlive || !"XZ".contains(state)
                {
                    sight.isTold = true
                    signs.append(sign(of: process, state, for: time - sight.time, at: time))
                }
                seen[process] = sight
            }
            since = seen
            return signs
        }

        private func sign(of process: RankProcess, _ state: Character, for seconds: Int64, at time: Int64)
            -> HangSuspicion
        {
            let name = process.rank.map { "rank \($0) (process \(process.pid))" } ?? "process \(process.pid)"
            let what =
                switch state {
                case "D": "has been in an uninterruptible sleep (D) for \(seconds) s"
                case "T": "has been stopped (T) for \(seconds) s"
                case "t": "has been stopped by a debugger (t) for \(seconds) s"
                default: "has been gone for \(seconds) s, while other ranks of the node are still there"
                }
            return HangSuspicion(.process, rank: process.rank, text: "\(name) \(what)", time: time)
        }
    }
}
