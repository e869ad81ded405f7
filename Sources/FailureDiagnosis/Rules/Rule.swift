/// One kind of line that a failed training leaves behind, and what it means.
public struct Rule: Hashable, Identifiable, Sendable {
    /// Unique in a table: `nvidia.xid.79`.
    public var id: String
    /// What has happened, in a few words.
    public var title: String
    /// Texts that must all stand in the line.
    public var all: [String] = []
    /// Texts one of which must stand in the line; none: no such condition.
    public var any: [String] = []
    /// A POSIX extended regular expression that the line must match too.
    public var pattern: String?
    /// Texts that must not stand in the line.
    public var exclusions: [String] = []
    /// Whether the texts and the expression match letters of either case.
    public var ignoresCase = false
    /// Exit codes of a rank that this rule explains: negative for a signal, as Python has it, or 128 more than the signal, as a shell has.
    public var exitCodes: [Int] = []
    public var domain: RuleDomain
    public var role: RuleRole
    public var action: RuleAction
    public var weight: RuleWeight = .normal
    /// How many lines it takes, all within `window`.
    public var count = 1
    public var window: Duration?
    /// After so many earlier failures by this rule on the same node a restart becomes a relaunch; 0: never.
    public var relaunchAfter = 2
    /// The vendor's own word for what to do.
    public var vendorAction: String?
    /// Where the line or the advice is documented.
    public var source: String?
    /// The file and line where the rule is defined.
    public var place = ""

    public init(id: String, title: String, domain: RuleDomain, role: RuleRole, action: RuleAction) {
        self.id = id
        self.title = title
        self.domain = domain
        self.role = role
        self.action = action
    }

    /// The texts to search for: each line that the rule can match has one of them. None: the rule has exit codes only.
    var anchors: [String] {
        guard let longest = all.max(by: { $0.utf8.count < $1.utf8.count }) else { return any }
        let shortestOfAny = any.map(\.utf8.count).min() ?? 0
        return shortestOfAny > longest.utf8.count ? any : [longest]
    }
}

/// What to do when a rule's line is the cause. The first two and `jobAbortion` are DLRover's names.
public enum RuleAction: String, CaseIterable, Hashable, Sendable {
    case restartWorker = "restart_worker"
    case relaunchWorker = "relaunch_worker"
    case jobAbortion = "job_abortion"
    /// Tell, and change nothing. Where a process has already failed, it is restarted all the same.
    case event
    case noAction = "no_action"
}

/// The part of a training that a rule speaks of.
public enum RuleDomain: String, CaseIterable, Hashable, Sendable {
    case gpu
    case gpuMemory = "gpu-memory"
    case network
    case host
    case hostMemory = "host-memory"
    case storage
    case userCode = "user-code"
    case numerics
    case configuration
    case infrastructure
}

/// What a line that a rule hits says about the failure.
public enum RuleRole: String, CaseIterable, Hashable, Sendable {
    /// It may be where the failure began.
    case rootCause = "root-cause"
    /// It follows from a failure elsewhere, in another rank as a rule. Counted, never blamed.
    case cascade
    /// It confirms a failure and names its kind; decides only where nothing says more.
    case confirmation
    /// Worth showing, says nothing about the cause.
    case information
    /// The training starts here: what stands before it in the file belongs to an earlier attempt.
    case start
}

/// How much a line says about the cause, where several lines are from the same minute.
public enum RuleWeight: String, CaseIterable, Hashable, Sendable, Comparable {
    /// General: any Python exception, an exit code.
    case weak
    case normal
    /// The hardware or the kernel itself says so.
    case strong

    private var order: Int {
        switch self {
        case .weak: 0
        case .normal: 1
        case .strong: 2
        }
    }

    public static func < (left: RuleWeight, right: RuleWeight) -> Bool { left.order < right.order }
}

/// Something about a table that a rule's author should know.
public struct RuleFinding: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Hashable, Sendable {
        /// A text that can't make a difference.
        case deadText = "dead-text"
        /// The rule can't be a cause: an earlier one always is.
        case unreachable
        /// The regular expression matches no known line with the rule's texts.
        case pattern
        /// A text is so short that it slows the search for all.
        case shortText = "short-text"
        /// The corpus has no line for the rule.
        case corpus
    }

    public let ruleID: String
    /// The rule's file and line.
    public let place: String
    public let kind: Kind
    public let message: String

    public var description: String { "\(place): \(ruleID): \(message) [\(kind.rawValue)]" }
}
