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
