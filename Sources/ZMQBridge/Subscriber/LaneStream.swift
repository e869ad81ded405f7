internal import Diagnosis

/// Joins what comes live and what is replayed of one lane into one stream without gaps and repetitions: a value without I/O.
///
/// The stream has come to `position`. A live envelope that follows it is taken. Any other waits in a bounded tail while a replay brings
/// what lies between; a tail that grows too long is dropped, and with it the lane's subscription, until replays have caught up.
/// What the replay says is gone becomes a gap in the stream.
struct LaneStream {
    /// The most bytes that are asked for at once.
    static let largestCredit = 4 << 20

    /// A replay that is under way.
    struct Request: Hashable {
        var id: UInt64
        var sent: ContinuousClock.Instant
    }

    /// What to do with a live envelope.
    enum Arrival: Hashable {
        /// It is next.
        case take
        /// It has come before, or a later one has.
        case old
        /// It waits in the tail until what lies before it has come.
        case hold
        /// There is no room for it, and the tail is dropped too: the lane's subscription ends.
        case letGo
    }

    let lane: Lane
    /// How many bytes of live envelopes may wait for a replay, whatever else waits.
    private let longestTail: Int
    /// Where the stream is to begin; `nil` once that is known as a position.
    private(set) var start: StreamStart?
    private(set) var position: LanePosition?
    /// Up to here the lane is known to have something.
    private(set) var goal: LanePosition
    /// Whether live envelopes are wanted.
    private(set) var isLive = false
    private(set) var request: Request?
    private var tail = StreamBuilder()
    private var tailEnds: (first: LanePosition, last: LanePosition)?

    /// - Parameter start: any but `now` and `sequence`, which are positions by the time that a lane is met.
    init(_ lane: Lane, start: StreamStart, longestTail: Int = 1 << 20) {
        self.lane = lane
        self.longestTail = longestTail
        goal = LanePosition(epoch: 0, sequence: 0)
        if case .after(let position) = start { self.position = position } else { self.start = start }
    }

    /// Whether everything known to be there has been taken.
    var isCaughtUp: Bool { position.map { $0 >= goal } ?? false }

    /// Whether all of that has been handed over, too.
    var hasHandedOverAll: Bool { isCaughtUp && tailEnds == nil }

    /// Whether there is something to ask the replay for.
    var needsReplay: Bool { request == nil && !isCaughtUp }

    // MARK: live

    /// How many more bytes wait than every lane may have waiting.
    var borrowed: Int { max(0, tail.byteCount - longestTail) }

    /// Looks at a live envelope. After `take`, hand it over; after `hold`, call `hold` with it.
    ///
    /// - Parameters:
    ///   - room: how many bytes the receiver takes.
    ///   - spare: how many bytes the lanes of a connection may still borrow.
    mutating func arrive(_ envelope: LanePosition, bytes: Int, room: Int, spare: Int) -> Arrival {
        guard isLive else { return .old }
        if let position {
            guard envelope > position else { return .old }
            if tailEnds == nil, request == nil, room > 0, envelope.follows(position), isCaughtUp {
                self.position = envelope
                goal = envelope
                return .take
            }
        }
        if let ends = tailEnds {
            guard envelope > ends.last else { return .old }
            if !envelope.follows(ends.last) { dropTail() }
        }
        // What the receiver has room for may wait: a replay that takes long must not be followed by the next one for what came meanwhile.
        let waiting = tail.byteCount + bytes
        guard waiting <= longestTail || waiting <= room && bytes <= spare else {
            dropTail()
            goal = max(goal, envelope)
            isLive = false
            return .letGo
        }
        goal = max(goal, tailEnds == nil ? envelope.predecessor : goal)
        return .hold
    }

    /// Puts an envelope that is to be held into the tail.
    mutating func hold(
        _ header: EnvelopeHeader, origin: UnsafeRawBufferPointer, topic: Topic, body: UnsafeRawBufferPointer
    ) {
        let place = LanePosition(epoch: header.epoch, sequence: header.sequence)
        tail.append(header, origin: origin, topic: topic, body: body)
        tailEnds = (tailEnds?.first ?? place, place)
    }

    private mutating func dropTail() {
        if let last = tailEnds?.last { goal = max(goal, last) }
        tail = StreamBuilder()
        tailEnds = nil
    }

    /// Learns from a beat that the publisher had come so far before what comes next live.
    mutating func advanceGoal(to last: LanePosition) {
        // What is in the tail has come; it only waits.
        if let tailEnds, last <= tailEnds.last { return }
        if tailEnds != nil { dropTail() }
        goal = max(goal, last)
    }

    // MARK: replay

    mutating func recordRequest(_ request: Request) {
        self.request = request
    }

    /// Forgets a request that will not be answered.
    mutating func giveUpRequest() {
        request = nil
    }

    /// Sets where the stream begins, which the replay says if the consumer could not; answers whether that was still open.
    mutating func begins(after position: LanePosition) -> Bool {
        guard self.position == nil else { return false }
        self.position = position
        start = nil
        return true
    }

    /// Whether a replayed envelope comes next in the stream. What lies between is not there: the replay states gaps itself.
    mutating func takeReplayed(_ envelope: LanePosition) -> Bool {
        guard let position, envelope > position else { return false }
        self.position = envelope
        return true
    }

    /// Moves past what is gone; `nil` if the stream is already beyond it.
    mutating func pass(_ gap: StreamGap) -> StreamGap? {
        guard let position, gap.through > position else { return nil }
        self.position = gap.through
        return gap
    }

    /// Ends a replay; answers whether to subscribe to the lane now.
    mutating func ended(through: LanePosition, isComplete: Bool) -> Bool {
        request = nil
        if let position { self.position = max(position, through) }
        guard isComplete, isCaughtUp, !isLive else { return false }
        isLive = true
        return true
    }

    /// Hands the tail over, if nothing is missing before it and there is room.
    mutating func flushTail(into builder: inout StreamBuilder, room: Int) {
        guard let ends = tailEnds, let position, request == nil else { return }
        if ends.last <= position {
            tail = StreamBuilder()
            tailEnds = nil
            return
        }
        guard room > 0, ends.first <= position || ends.first.follows(position) else { return }
        for case .batch(let batch) in tail.drainItems() {
            let old = batch.entries.prefix {
                LanePosition(epoch: batch.epoch, sequence: $0.sequence) <= position
            }.count
            builder.append(batch.dropFirst(old))
        }
        tailEnds = nil
        self.position = ends.last
        goal = max(goal, ends.last)
    }

    /// Whether to subscribe to the lane at once, because it has nothing to catch up with.
    mutating func goLive() -> Bool {
        guard isCaughtUp, !isLive, request == nil else { return false }
        isLive = true
        return true
    }
}

extension LanePosition {
    /// Whether nothing can lie between the two, which is certain only within one run.
    fileprivate func follows(_ other: LanePosition) -> Bool {
        epoch == other.epoch && sequence == other.sequence + 1
    }
}
