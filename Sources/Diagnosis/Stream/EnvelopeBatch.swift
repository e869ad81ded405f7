/// Consecutive envelopes of one lane, epoch and node, their bodies in one piece of memory.
///
/// It is what travels from the subscriber to the masters' clients: no object per envelope, and copying a batch shares its memory.
/// A body is the metric's JSON as it came over the bus; `MetricBody` checks and reads it.
public struct EnvelopeBatch: Sendable {
    /// One envelope without its body.
    public struct Entry: Sendable, Hashable {
        /// Position in the lane, from 1 in each epoch.
        public var sequence: UInt64
        /// The metric's timestamp: whole seconds since 1970.
        public var collectionTime: Int64
        /// When the publisher sent it: nanoseconds since 1970.
        public var publishTime: UInt64
        /// Whether its lines were left out by the collector's rate limit: the body only says so.
        package var isShed: Bool
        /// The origin's place in the batch's memory.
        fileprivate var origin: Range<Int>
        /// The body's place in the batch's memory.
        fileprivate var body: Range<Int>
    }

    /// The lane of all envelopes.
    public let lane: Lane
    /// The publisher's run that numbered these envelopes. 0: they are not from the bus, and the sequences mean nothing.
    public let epoch: UInt64
    /// The node's type, as in the topic; its id is only in the body.
    public let nodeType: String
    /// The node's rank, as in the topic.
    public let nodeRank: Int
    /// The envelopes, in the order of their sequences.
    public private(set) var entries: ArraySlice<Entry>
    private var storage: [UInt8]
    /// Whether any entry is, or was, one whose lines were left out.
    package private(set) var hasShed = false

    /// Makes an empty batch.
    ///
    /// - Parameter bytes: how many of bodies and origins to make room for.
    package init(lane: Lane, epoch: UInt64, nodeType: String, nodeRank: Int, bytes: Int = 0) {
        self.lane = lane
        self.epoch = epoch
        self.nodeType = nodeType
        self.nodeRank = nodeRank
        entries = []
        storage = []
        storage.reserveCapacity(bytes)
    }

    /// Appends an envelope; its bytes are copied.
    ///
    /// - Parameter origin: the JSON of its `MetricOrigin`, or nothing.
    package mutating func append(
        sequence: UInt64, collectionTime: Int64, publishTime: UInt64, body: Span<UInt8>, origin: Span<UInt8>,
        isShed: Bool = false
    ) {
        let originStart = storage.count
        origin.withUnsafeBufferPointer { storage.append(contentsOf: $0) }
        let start = storage.count
        hasShed = hasShed || isShed
        body.withUnsafeBufferPointer { storage.append(contentsOf: $0) }
        entries.append(
            Entry(
                sequence: sequence, collectionTime: collectionTime, publishTime: publishTime, isShed: isShed,
                origin: originStart..<start, body: start..<storage.count))
    }

    /// Appends an envelope that tells no origin; its body is copied.
    package mutating func append(sequence: UInt64, collectionTime: Int64, publishTime: UInt64, body: Span<UInt8>) {
        append(
            sequence: sequence, collectionTime: collectionTime, publishTime: publishTime, body: body,
            origin: [UInt8]().span)
    }

    /// Appends a copy of a batch of the same lane, epoch and node.
    package mutating func append(_ other: EnvelopeBatch) {
        precondition(
            lane == other.lane && epoch == other.epoch && nodeRank == other.nodeRank && nodeType == other.nodeType,
            "a batch holds one lane, epoch and node")
        let place = other.stored
        let shift = storage.count - place.lowerBound
        storage.append(contentsOf: other.storage[place])
        hasShed = hasShed || other.entries.contains(where: \.isShed)
        for var entry in other.entries {
            entry.origin = entry.origin.lowerBound + shift..<entry.origin.upperBound + shift
            entry.body = entry.body.lowerBound + shift..<entry.body.upperBound + shift
            entries.append(entry)
        }
    }

    /// Appends copies of batches of the same lane, epoch and node; what is there is moved once at most.
    package mutating func append(contentsOf others: [EnvelopeBatch]) {
        storage.reserveCapacity(others.reduce(storage.count) { $0 + $1.stored.count })
        entries.reserveCapacity(others.reduce(entries.count) { $0 + $1.count })
        for other in others { append(other) }
    }

    /// Where the bodies of `entries` are, with their origins.
    private var stored: Range<Int> {
        guard let first = entries.first, let last = entries.last else { return 0..<0 }
        return first.origin.lowerBound..<last.body.upperBound
    }

    /// How many envelopes there are.
    public var count: Int { entries.count }

    /// Whether there are no envelopes.
    public var isEmpty: Bool { entries.isEmpty }

    /// How many bytes the bodies of `entries` have, with the origins between them.
    public var byteCount: Int {
        guard let first = entries.first, let last = entries.last else { return 0 }
        return last.body.upperBound - first.body.lowerBound
    }

    /// The body of an entry of this batch, without a copy.
    public func body(of entry: Entry) -> ArraySlice<UInt8> {
        storage[entry.body]
    }

    /// Where the content of an entry of this batch came from; `nil` if its publisher does not say, or says it wrong.
    package func origin(of entry: Entry) -> MetricOrigin? {
        entry.origin.isEmpty ? nil : MetricOrigin(json: storage[entry.origin])
    }

    /// The same as JSON, as `MetricOrigin` writes it.
    package func originJSON(of entry: Entry) -> ArraySlice<UInt8>? {
        MetricOrigin.rewritten(storage[entry.origin])
    }

    /// The JSON of an entry's origin as it came, unread; nothing if there is none.
    package func originBytes(of entry: Entry) -> ArraySlice<UInt8> { storage[entry.origin] }

    /// The same batch without its first `count` envelopes; shares the memory.
    public func dropFirst(_ count: Int) -> EnvelopeBatch {
        var rest = self
        rest.entries = entries.dropFirst(count)
        return rest
    }

    /// The first `count` envelopes; shares the memory.
    public func prefix(_ count: Int) -> EnvelopeBatch {
        var head = self
        head.entries = entries.prefix(count)
        return head
    }
}
