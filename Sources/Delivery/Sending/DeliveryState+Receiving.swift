internal import Diagnosis

extension DeliveryState {
    func start(of lane: Lane) -> StreamStart {
        if let ledger = ledgers[lane] { return .after(ledger.window.received) }
        // "Now" is when the consumer first met the publisher. Lanes that began later are read from their first envelope on.
        let hasMetPublisher = ledgers.keys.contains { $0.publisher == lane.publisher }
        return policy.firstStart == .now && !hasMetPublisher ? .now : .oldest
    }

    /// Half of what is free, so that each lane finds some room however many others are full. One that holds nothing always has room.
    mutating func room(in lane: Lane) -> Int {
        guard isOpen else { return 0 }
        let room = freeRoom(in: lane)
        if room <= 0 { roomless.insert(lane) }
        return max(0, room)
    }

    /// Whether a lane that had no room has some now.
    mutating func takeRoomNews() -> Bool {
        guard !roomless.isEmpty, isOpen else { return false }
        // Not for every byte: each time the subscriber asks the publisher for what the lane has missed.
        let relieved = roomless.filter { costByLane[$0] == nil || freeRoom(in: $0) >= policy.queueBytes / 8 }
        roomless.subtract(relieved)
        return !relieved.isEmpty
    }

    mutating func receive(_ items: [StreamItem], now: DeliveryTime) {
        guard isOpen else { return }
        for item in items {
            switch item {
            case .start(let lane, let place): openLedger(of: lane, after: place)
            case .gap(let gap):
                openLedger(of: gap.lane, after: gap.after)
                _ = change(gap.lane) { $0.receive(gap, time: now.seconds) }
            case .batch(let batch):
                guard let first = batch.entries.first, first.sequence > 0 else { continue }
                openLedger(of: batch.lane, after: LanePosition(epoch: batch.epoch, sequence: first.sequence - 1))
                for part in change(batch.lane, { $0.receive(batch, time: now.seconds) }) ?? [] {
                    enqueue(part, now: now)
                }
            }
        }
    }

    /// Begins the account of a lane that the consumer has not met before.
    private mutating func openLedger(of lane: Lane, after place: LanePosition) {
        guard ledgers[lane] == nil else { return }
        ledgers[lane] = LaneLedger(origin: place)
        dirty.insert(lane)
    }

    private mutating func enqueue(_ batch: EnvelopeBatch, now: DeliveryTime) {
        let piece = SendPiece(batch, key: key(of: batch), arrival: now.instant)
        cost += piece.cost
        costByLane[batch.lane, default: 0] += piece.cost
        queues[piece.key, default: SendQueue(turn: turn)].append(piece)
    }

    /// The queue in which the batch must stay in order.
    private func key(of batch: EnvelopeBatch) -> SendQueue.Key {
        SendQueue.Key(
            lane: batch.lane,
            node: needsLanesInOrder ? nil : SendQueue.Key.Node(type: batch.nodeType, rank: batch.nodeRank))
    }

    private func freeRoom(in lane: Lane) -> Int {
        guard let own = costByLane[lane] else { return max(1, policy.queueBytes - cost) }
        return policy.queueBytes - cost - own
    }
}
