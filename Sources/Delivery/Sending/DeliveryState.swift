internal import Diagnosis
internal import SystemSupport

/// One master's envelopes and what may be done with them next: a value without I/O, guarded by the reporter's lock.
///
/// Each lane and node has a queue with one call at a time, since a master stores concurrent calls in any order (measured with DLRover's:
/// 1,069 inversions in 3,000 calls with 64 under way). While the master fails there is only one call at a time in all. The outcome of a
/// call is stored before the next call of its queue begins.
struct DeliveryState {
    let policy: DeliveryPolicy
    let needsLanesInOrder: Bool
    let flushPhase: FlushPhase?
    /// Until when nothing but the first types is sent after the start; `nil`: it is not held back.
    let heldAtStart: ContinuousClock.Instant?
    var ledgers: [Lane: LaneLedger]

    // Sending.
    var queues: [SendQueue.Key: SendQueue] = [:]
    var underWay = 0
    var underWayByType: [DiagnosisDataType: Int] = [:]
    /// Counts the calls that were begun.
    var turn = 0
    var breaker: MasterBreaker
    var typeBreakers: [DiagnosisDataType: TypeBreaker] = [:]
    var catchUp: TokenBucket?
    var slotOwners: SlotOwners

    // Room.
    var cost = 0
    var costByLane: [Lane: Int] = [:]
    /// Lanes that were told there is no room.
    var roomless: Set<Lane> = []

    // Storing.
    /// Lanes that have changed since they were put into a commit.
    var dirty: Set<Lane> = []
    var deadLetters: [Lane: [DeadLetter]] = [:]
    var isCommitting = false
    /// Lanes that could not be stored: they are held until they are.
    var unstorable: Set<Lane> = []
    var storageFailures = 0
    /// Why the ledger can't be written now.
    var storageProblem: String?
    var storageRetry: ContinuousClock.Instant?
    var generator = SystemRandomNumberGenerator()

    // Lifecycle.
    var isFinishing = false
    /// No further call is begun; those under way come to their end.
    var isHolding = false
    /// Nothing is taken or sent any more.
    var hasEnded = false
    /// Why nothing more is sent in this run.
    var stopped: ReportError?

    // For the log and the accounts.
    var news = DeliveryNews()
    let startedAt: Int64
    var deliveredAt: Int64?
    /// Of reports that the master took, in this run.
    var rejectedRecords: UInt64 = 0
    var lastError: (message: String, time: Int64)?
    var needsAnnouncement = false
    var nextAnnouncement: ContinuousClock.Instant

    /// - Parameter needsLanesInOrder: as the reporter's client says.
    init(
        policy: DeliveryPolicy, needsLanesInOrder: Bool = false, lanes: [Lane: StoredLane] = [:],
        slots: [SlotMark] = [], now: DeliveryTime
    ) {
        self.policy = policy
        self.needsLanesInOrder = needsLanesInOrder
        flushPhase = FlushPhase(policy: policy, start: now.instant)
        let hold = policy.startSpread * (policy.share ?? 0)
        heldAtStart = hold > .zero ? now.instant + hold : nil
        ledgers = lanes.mapValues(LaneLedger.init(stored:))
        breaker = MasterBreaker(policy: policy)
        catchUp = policy.catchUpBytesPerSecond.map { TokenBucket(perSecond: $0) }
        slotOwners = SlotOwners(stored: slots)
        startedAt = now.seconds
        nextAnnouncement = now.instant
    }

    /// Whether envelopes are still taken and sent.
    var isOpen: Bool { !hasEnded && stopped == nil }

    /// From now on nothing waits for a batch to fill, and the reporter ends once everything is delivered.
    mutating func finish() {
        isFinishing = true
        // A master that is back should get what is held, whatever pause it was given.
        breaker.skipPause()
        storageRetry = nil
    }

    /// From now on no call is begun, and the reporter ends once those under way have, and what they came to is stored.
    mutating func hold() {
        isHolding = true
        isFinishing = true
        storageRetry = nil
    }

    /// Takes and sends nothing more. What is held stays pending.
    mutating func end() {
        hasEnded = true
        isFinishing = true
    }

    /// Changes a lane's ledger, and records what the store and the log must learn of it.
    mutating func change<Result>(_ lane: Lane, _ body: (inout LaneLedger) -> Result) -> Result? {
        guard let index = ledgers.index(forKey: lane) else { return nil }
        let version = ledgers.values[index].version
        let result = body(&ledgers.values[index])
        if ledgers.values[index].version != version { dirty.insert(lane) }
        for (reason, count) in ledgers.values[index].takeLosses() {
            news.lost[lane, default: [:]][reason, default: 0] += count
        }
        return result
    }

    mutating func takeNews() -> DeliveryNews? {
        guard !news.isEmpty else { return nil }
        defer { news = DeliveryNews() }
        return news
    }
}

/// Now, by two clocks: a steady one for pauses, and the time of day for the age of envelopes.
struct DeliveryTime: Sendable {
    var instant: ContinuousClock.Instant
    /// Since 1970.
    var nanoseconds: UInt64

    static var now: DeliveryTime {
        DeliveryTime(instant: .now, nanoseconds: WallClock.nanoseconds())
    }

    /// Since 1970, rounded down.
    var seconds: Int64 { Int64(nanoseconds / 1_000_000_000) }
}

/// What a completed call changed beside the ledger, for the log.
struct CallEffect {
    /// Whether an envelope was refused for good.
    var refused = false
    /// Whether the master cannot take any of its data type until it restarts.
    var poisoned = false
    /// For how long its data type is held from now on, if it is.
    var heldFor: Duration?
    /// Whether its data type was held and is sent again.
    var released = false
}

/// What is to be logged: gathered under the lock, logged outside of it.
struct DeliveryNews {
    /// What was skipped of a data type, by a rule.
    struct Rule: Hashable {
        var type: DiagnosisDataType
        var name: String
    }

    struct Skipped {
        var count: UInt64 = 0
        /// Why the last one was skipped, where that says more than the rule.
        var reason: String?
    }

    /// By lane and reason.
    var lost: [Lane: [String: UInt64]] = [:]
    var skipped: [Rule: Skipped] = [:]

    var isEmpty: Bool { lost.isEmpty && skipped.isEmpty }

    mutating func skip(_ count: Int, of type: DiagnosisDataType, rule: String, reason: String? = nil) {
        skipped[Rule(type: type, name: rule), default: Skipped()].count += UInt64(count)
        if let reason { skipped[Rule(type: type, name: rule)]?.reason = reason }
    }
}
