private import Synchronization

/// A part of the process without which it does not work: a thread, or a loop of tasks. What watches the process sees whether it goes on.
///
/// Only what restarting would mend may be such a part: a log on a file server that hangs, or a master that is silent, is none.
package final class WorkingPart: Sendable {
    /// What a part's turns tell.
    package enum Kind: Sendable {
        /// It makes a turn about once a second, whether or not there is something to do.
        case repeating
        /// It has begun with its only turn, and says nothing afterwards.
        case once
    }

    /// As it follows "waiting for": `the publisher's beats`.
    package let name: String
    package let kind: Kind
    private let count = Atomic<UInt64>(0)

    package init(_ name: String, _ kind: Kind = .repeating) {
        self.name = name
        self.kind = kind
    }

    /// The part has gone round once more. Costs next to nothing. From any thread.
    package func turn() {
        count.add(1, ordering: .relaxed)
    }

    /// How many turns it has made.
    package var turns: UInt64 { count.load(ordering: .relaxed) }
}

/// A service that says which parts of it must go on, and how it is.
package protocol WorkingService: Sendable {
    /// The same ones each time.
    var workingParts: [WorkingPart] { get }
    /// What it does now, as a part of a sentence without a full stop (`reports to 2 masters`); `nil`: nothing worth telling.
    func workSummary() async -> String?
}

/// Whether all parts go on, from one look to the next.
package struct WorkingParts: Sendable {
    private let parts: [WorkingPart]
    private var seen: [UInt64]

    package init(_ parts: [WorkingPart]) {
        self.parts = parts
        seen = parts.map { _ in 0 }
    }

    /// Those that have not made their first turn yet.
    package var notBegun: [String] { parts.filter { $0.turns == 0 }.map(\.name) }

    /// Those that have made no turn since the last look in which none was standing.
    package var standing: [String] {
        zip(parts, seen).filter { $0.kind == .repeating && $0.turns == $1 }.map(\.0.name)
    }

    /// Begins anew to see who makes a turn.
    package mutating func look() {
        seen = parts.map(\.turns)
    }
}
