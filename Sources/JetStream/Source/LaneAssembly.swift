internal import Diagnosis

/// Makes a stream's messages what a receiver takes: each lane in its order, without a repetition, what is missing stated, what was split
/// joined again. A value without I/O.
struct LaneAssembly {
    /// What becomes of the messages.
    struct Result {
        var items: [StreamItem] = []
        /// What is on its way to the receiver now: to be acknowledged when it is finished there.
        var pending: [(lane: Lane, position: LanePosition, acknowledgement: String)] = []
        /// Those of parts that nothing can be made of.
        var useless: [String] = []
        /// Where envelopes are missing that may still come: what follows is left to come again.
        var hole: Hole?
    }

    /// Between two positions of a lane nothing has come.
    struct Hole: Hashable {
        var lane: Lane
        var after: LanePosition
        var through: LanePosition
    }

    private struct Split {
        var position: LanePosition
        var messages: [StreamMessage]
        var bytes: Int
    }

    /// In bytes, of an envelope that came in parts: what a bus takes.
    private static let largestBody = 64 << 20

    private var positions: [Lane: LanePosition] = [:]
    /// Lanes in which this reader has seen a message.
    private var seen: Set<Lane> = []
    private var splits: [Lane: Split] = [:]
    /// Holes that are as they are: servers that were killed may send what they had sent once more behind what is new, so a hole is only believed the
    /// second time.
    private let believed: Set<Hole>?

    /// - Parameter holes: `nil`: all.
    init(believing holes: Set<Hole>? = []) {
        believed = holes
    }

    /// - Parameter start: where the receiver is in a lane; asked once for each.
    mutating func add(_ messages: [StreamMessage], start: (Lane) -> StreamStart?) -> Result {
        var result = Result()
        var open: EnvelopeBatch?
        func close() {
            if let batch = open { result.items.append(.batch(batch)) }
            open = nil
        }
        for message in messages {
            guard let whole = joined(message, &result) else { continue }
            let (lane, position) = (message.lane, message.position)
            result.pending += whole.acknowledgements.map { (lane, position, $0) }
            if positions[lane] == nil {
                if case .after(let known)? = start(lane) {
                    positions[lane] = known
                } else {
                    positions[lane] = position.predecessor
                    result.items.append(.start(lane, after: position.predecessor))
                }
            }
            // Also once more what is on its way: it is acknowledged when that is finished.
            guard let last = positions[lane], position > last else { continue }
            if let gap = gap(in: lane, from: last, to: position) {
                let hole = Hole(lane: lane, after: gap.after, through: gap.through)
                guard believed?.contains(hole) ?? true else {
                    // Nothing of this message is acknowledged.
                    result.pending.removeAll { whole.acknowledgements.contains($0.acknowledgement) }
                    result.hole = hole
                    break
                }
                close()
                result.items.append(.gap(gap))
            }
            if open?.takes(message) != true {
                close()
                open = EnvelopeBatch(
                    lane: lane, epoch: position.epoch, nodeType: message.nodeType, nodeRank: message.nodeRank)
            }
            open?.append(
                sequence: position.sequence, collectionTime: message.collectionTime, publishTime: message.publishTime,
                body: whole.body.span, origin: message.origin.span)
            positions[lane] = position
            seen.insert(lane)
        }
        close()
        return result
    }

    private func gap(in lane: Lane, from last: LanePosition, to position: LanePosition) -> StreamGap? {
        let before = position.predecessor
        let isNewEpoch = position.epoch != last.epoch
        let count = isNewEpoch ? before.sequence : before.sequence - last.sequence
        guard count > 0 else { return nil }
        return StreamGap(
            lane: lane, after: last, through: before, count: count,
            reason: seen.contains(lane) ? .upstream : .elsewhere)
    }

    /// The whole of a message that is no part, or is the last one; `nil` if more parts must come, or none is of use.
    private mutating func joined(
        _ message: StreamMessage, _ result: inout Result
    ) -> (body: [UInt8], acknowledgements: [String])? {
        guard message.parts > 1 else {
            drop(message.lane, &result)
            return (message.body, [message.acknowledgement])
        }
        if message.part == 1 {
            drop(message.lane, &result)
            splits[message.lane] = Split(position: message.position, messages: [], bytes: 0)
        }
        guard var split = splits[message.lane], split.position == message.position,
            split.messages.count == message.part - 1, split.bytes + message.body.count <= Self.largestBody
        else {
            result.useless.append(message.acknowledgement)
            return nil
        }
        split.messages.append(message)
        split.bytes += message.body.count
        splits[message.lane] = split
        guard message.part == message.parts else { return nil }
        splits[message.lane] = nil
        let all = split.messages.map(\.acknowledgement)
        guard let body = Self.body(of: split.messages) else {
            result.useless += all
            return nil
        }
        return (body, all)
    }

    /// Gives up an envelope of which parts are missing.
    private mutating func drop(_ lane: Lane, _ result: inout Result) {
        if let split = splits.removeValue(forKey: lane) { result.useless += split.messages.map(\.acknowledgement) }
    }

    /// The parts' contents, joined at the line ends at which they were split.
    private static func body(of parts: [StreamMessage]) -> [UInt8]? {
        let metrics = parts.compactMap { try? MetricBody(checking: $0.body[...]) }
        guard let head = metrics.first, metrics.count == parts.count else { return nil }
        var json: [UInt8] = []
        MetricJSON.encode(head: head, contents: metrics.map(\.escapedContent), into: &json)
        return json
    }
}

extension EnvelopeBatch {
    fileprivate func takes(_ message: StreamMessage) -> Bool {
        lane == message.lane && epoch == message.position.epoch && nodeRank == message.nodeRank
            && nodeType == message.nodeType
    }
}
