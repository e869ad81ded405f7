internal import Diagnosis

/// Which slots of a master have their sample.
struct SlotBook {
    /// What may become of an envelope whose slot is looked up.
    enum Standing: Hashable {
        /// Nobody has the slot.
        case free
        /// It is this envelope's, and no call of it was made.
        case own
        /// It is this envelope's, and the master may have got it: in a call of this run or, as a stored mark says, of an earlier one.
        case ownSent
        /// It is another envelope's, of which it isn't known yet whether the master gets it.
        case awaited
        /// It is another envelope's, for good.
        case taken
    }

    /// A mark is kept so long after its slot: what is older is too old to be sent.
    private static let memory: Int64 = 7200

    private struct Owner {
        var mark: SlotMark
        var mayHaveArrived: Bool
        /// Whether the envelope has its fate, so that nobody else gets the slot.
        var isDecided: Bool
    }

    private var owners: [SampleSlot: Owner]

    /// - Parameter stored: of an earlier run.
    init(stored: [SlotMark] = []) {
        owners = Dictionary(
            stored.map { ($0.slot, Owner(mark: $0, mayHaveArrived: true, isDecided: true)) },
            uniquingKeysWith: { first, _ in first })
    }

    func standing(of mark: SlotMark) -> Standing {
        guard let owner = owners[mark.slot] else { return .free }
        guard owner.mark == mark else { return owner.isDecided ? .taken : .awaited }
        return owner.mayHaveArrived ? .ownSent : .own
    }

    mutating func add(_ mark: SlotMark) {
        owners[mark.slot] = Owner(mark: mark, mayHaveArrived: false, isDecided: false)
        // Not at each: a node adds one a minute.
        guard owners.count % 1024 == 0 else { return }
        owners = owners.filter { $0.key.start > Self.oldest(before: mark) }
    }

    /// Notes that the envelope is sent now.
    mutating func send(_ mark: SlotMark) {
        owners[mark.slot]?.mayHaveArrived = true
    }

    /// Notes that the envelope keeps its slot, if it has it.
    mutating func decide(_ mark: SlotMark) {
        guard owners[mark.slot]?.mark == mark else { return }
        owners[mark.slot]?.isDecided = true
    }

    /// Whether the slot is somebody's who may give it back.
    func isAwaited(_ slot: SampleSlot) -> Bool {
        owners[slot].map { !$0.isDecided } ?? false
    }

    mutating func remove(_ mark: SlotMark) {
        owners[mark.slot] = nil
    }

    /// When the slots begin that are no longer of interest once `mark` was made. Seconds since 1970.
    static func oldest(before mark: SlotMark) -> Int64 {
        max(mark.slot.start, .min + memory) - memory
    }
}
