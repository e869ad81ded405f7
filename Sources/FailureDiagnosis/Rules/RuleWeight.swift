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
