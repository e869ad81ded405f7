package import Diagnosis

/// One kind of line that a failed training leaves behind, and what it means.
package struct Rule: Hashable, Identifiable, Sendable {
    /// Unique in a table: `nvidia.xid.79`.
    package var id: String
    /// What happened, in a few words.
    package var title: String
    /// Texts that the line must all contain.
    package var all: [String] = []
    /// Texts of which the line must contain at least one; no condition if empty.
    package var any: [String] = []
    /// A POSIX extended regular expression that the line must match as well.
    package var pattern: String?
    /// Texts that the line must not contain.
    package var exclusions: [String] = []
    /// What kind of line it must be.
    package var place = RulePlace.anywhere
    /// Whether the texts and the expression ignore case.
    package var ignoresCase = false
    /// Exit codes of a rank that this rule explains: a signal as a negative number, as in Python, or with 128 added, as in a shell.
    package var exitCodes: [Int] = []
    package var domain: RuleDomain
    package var role: RuleRole
    package var action: RuleAction
    package var weight: RuleWeight = .normal
    /// How many lines are needed, all within `window`.
    package var count = 1
    package var window: Duration?
    /// After this many earlier failures by this rule on the same node, a restart becomes a relaunch; 0: never.
    package var relaunchAfter = 2
    /// What the vendor advises, in the vendor's own terms.
    package var vendorAction: String?
    /// Where the line or the advice is documented.
    package var source: String?
    /// The file and line where the rule is defined.
    package var definedAt = ""

    package init(id: String, title: String, domain: RuleDomain, role: RuleRole, action: RuleAction) {
        self.id = id
        self.title = title
        self.domain = domain
        self.role = role
        self.action = action
    }

    /// The texts to search for: every line that the rule can match contains one of them. Empty if the rule has only exit codes.
    var anchors: [String] {
        guard let longest = all.max(by: { $0.utf8.count < $1.utf8.count }) else { return any }
        let shortestOfAny = any.map(\.utf8.count).min() ?? 0
        return shortestOfAny > longest.utf8.count ? any : [longest]
    }
}

/// What kind of line a rule is about.
package enum RulePlace: String, CaseIterable, Hashable, Sendable {
    case anywhere
    /// One that the kernel wrote, by its form: behind `[  123.456]`, a date in brackets, or `kernel:`. What a program prints is none.
    case kernel
    /// The line of a Python traceback that says what was raised, or what an error file or the launcher reports as such.
    case exception
}

/// What to do if a rule's line is the cause, in DLRover's terms.
package enum RuleAction: String, CaseIterable, Hashable, Sendable {
    case restartWorker = "restart_worker"
    case relaunchWorker = "relaunch_worker"
    case jobAbortion = "job_abortion"
    /// Report it, change nothing. If a process has already failed, it is still restarted.
    case event
    case noAction = "no_action"
}

/// How much a line says about the cause; decides among lines of the same minute.
package enum RuleWeight: String, CaseIterable, Hashable, Sendable, Comparable {
    /// General: some Python exception, an exit code.
    case weak
    case normal
    /// Reported by the hardware or the kernel itself.
    case strong

    private var order: Int {
        switch self {
        case .weak: 0
        case .normal: 1
        case .strong: 2
        }
    }

    package static func < (left: RuleWeight, right: RuleWeight) -> Bool { left.order < right.order }
}

/// Something about a table that a rule's author should know.
package struct RuleFinding: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, Hashable, Sendable {
        /// A text that has no effect.
        case deadText = "dead-text"
        /// The rule can't become a cause, because an earlier one always wins.
        case unreachable
        /// The regular expression matches no known line that has the rule's texts.
        case pattern
        /// A text so short that it slows down the search for all rules.
        case shortText = "short-text"
        /// The corpus has no line for the rule.
        case corpus
    }

    package let ruleID: String
    /// The rule's file and line.
    package let place: String
    package let kind: Kind
    package let message: String

    package var description: String { "\(place): \(ruleID): \(message) [\(kind.rawValue)]" }
}
