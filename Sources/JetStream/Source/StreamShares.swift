internal import Diagnosis
internal import Logging

/// Which nodes a source reads: its fair share of those that the stream has, as far as nobody else has them. For one task.
final class StreamShares {
    private unowned let source: StreamSource
    private var leases: (stream: Stream, leases: ShardLeases)?
    /// Leases from before a restart are asked for once.
    private var hasLooked = false
    /// Whether the master has never been met, and what is in the stream is to be left out: for the nodes that are there now alone. One that comes later,
    /// or came while nobody read, is read from its first message on.
    private(set) var leavesOutOld = false

    init(of source: StreamSource) {
        self.source = source
    }

    /// Looks around once: who is there, what is free, what is too much.
    ///
    /// - Returns: the nodes whose reading is to begin.
    func round() async throws(ReportError) -> [(Stream, StreamNode)] {
        source.removeEnded()
        dropLate()
        let stream = try await source.session.open()
        if source.startsNow {
            leavesOutOld = hasLooked ? false : try await !isKnown(to: stream)
        }
        let leases = try await open(stream)
        let nodes = try await nodes(of: stream)
        let shards = Dictionary(grouping: nodes) { ShardLeases.shard(of: $0) }
        try await leases.greet()
        try await renew(leases)
        let view = try await leases.look()
        let quota = (shards.count + view.readers - 1) / view.readers
        try await giveBack(leases, shards: shards, quota: quota)
        try await take(leases, shards: shards, view: view, quota: quota)
        hasLooked = true
        let mine = source.leases.filter { !$0.value.isLeaving }
        return nodes.filter { mine[ShardLeases.shard(of: $0)] != nil && !source.isRead($0) }.map { (stream, $0) }
    }

    /// Whether the group has consumers.
    private func isKnown(to stream: Stream) async throws(ReportError) -> Bool {
        let start = source.group + "_"
        return try await StreamConsumers(stream: stream).all().contains {
            $0["name"]?.string?.hasPrefix(start) ?? false
        }
    }

    /// Gives the leases back, as far as nothing of them is under way.
    func leave() async {
        guard let leases = leases?.leases else { return }
        for (shard, lease) in source.leases where lease.renewed.duration(to: .now) < ShardLeases.trust {
            // What is under way comes again anyhow, when the time for its acknowledgement is over.
            guard (try? await leases.giveBack(shard)) != nil else { return }
            source.setLease(shard, nil)
        }
        try? await leases.leave()
    }

    /// Leases are of a connection that knows its stream; after that is lost, they are looked for again.
    private func open(_ stream: Stream) async throws(ReportError) -> ShardLeases {
        if let leases, leases.stream.connection === stream.connection { return leases.leases }
        let made = try await ShardLeases(
            of: stream, group: source.group, owner: source.owner, replicas: stream.replicas, logger: source.logger)
        leases = (stream, made)
        return made
    }

    private func nodes(of stream: Stream) async throws(ReportError) -> Set<StreamNode> {
        let job = source.options.job
        let filter = job.isEmpty ? "\(stream.name).>" : "\(stream.name).\(EnvelopeSubject.word(job)).>"
        let subjects = try await StreamConsumers(stream: stream).subjects(matching: filter, of: stream.name)
        return Set(subjects.keys.compactMap { StreamNode(subject: $0, of: stream.name) })
    }

    /// Readers whose lease is too old read no more: it may be somebody else's by now.
    private func dropLate() {
        for (shard, lease) in source.leases where lease.renewed.duration(to: .now) >= ShardLeases.trust { lose(shard) }
    }

    private func lose(_ shard: Int) {
        source.stopReaders { ShardLeases.shard(of: $0) == shard }
        source.setLease(shard, nil)
    }

    private func renew(_ leases: ShardLeases) async throws(ReportError) {
        for (shard, lease) in source.leases where lease.renewed.duration(to: .now) >= ShardLeases.pause {
            let begin = ContinuousClock.now
            guard let sequence = try await leases.take(shard, after: lease.sequence) else {
                source.logger.notice("A share of the stream is somebody else's now.", metadata: ["shard": "\(shard)"])
                lose(shard)
                continue
            }
            var renewed = lease
            (renewed.sequence, renewed.renewed) = (sequence, begin)
            source.setLease(shard, renewed)
        }
    }

    private func giveBack(
        _ leases: ShardLeases, shards: [Int: [StreamNode]], quota: Int
    ) async throws(ReportError) {
        let mine = source.leases
        let staying = mine.filter { !$0.value.isLeaving }.keys.sorted()
        // Shards without nodes first.
        let surplus = staying.filter { shards[$0] == nil } + staying.filter { shards[$0] != nil }.dropFirst(quota)
        for shard in surplus {
            source.stopReaders { ShardLeases.shard(of: $0) == shard }
            guard var lease = mine[shard] else { continue }
            lease.isLeaving = true
            source.setLease(shard, lease)
        }
        for (shard, lease) in source.leases where lease.isLeaving && source.isQuiet(shard) {
            try await leases.giveBack(shard)
            source.setLease(shard, nil)
        }
    }

    private func take(
        _ leases: ShardLeases, shards: [Int: [StreamNode]], view: ShardLeases.View, quota: Int
    ) async throws(ReportError) {
        let mine = source.leases
        var count = mine.count { !$0.value.isLeaving }
        // In an order of this source's own, so that several that begin at once don't all ask for the same ones.
        let wanted = shards.keys.filter { mine[$0] == nil && (!view.taken.contains($0) || !hasLooked) }.shuffled()
        for shard in wanted where count < quota {
            let begin = ContinuousClock.now
            guard let sequence = try await leases.take(shard, after: nil) else { continue }
            source.setLease(shard, StreamSource.Lease(sequence: sequence, renewed: begin))
            count += 1
        }
    }
}
