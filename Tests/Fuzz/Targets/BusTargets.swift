internal import Diagnosis
internal import NIOCore

@testable internal import Journal
@testable internal import ZMQBridge

/// What comes over the bus' sockets.
extension FuzzTarget {
    static let bus = [
        FuzzTarget("envelope", envelope), FuzzTarget("record", record), FuzzTarget("control", control),
        FuzzTarget("stream", stream), FuzzTarget("ingest", ingest),
    ]

    /// The frames of an envelope: topic, header with extension, a beat's body.
    private static func envelope(_ bytes: [UInt8]) {
        bytes.raw { raw in
            guard let header = try? EnvelopeHeader(reading: raw) else { return }
            var again = [UInt8](repeating: 0, count: EnvelopeHeader.size)
            again.withUnsafeMutableBytes { header.write(to: $0) }
            require(again.elementsEqual(raw.prefix(EnvelopeHeader.size)), "a header is not written as it was read")
        }
        if let topic = Topic(bytes) { require(Topic(topic.bytes) == topic, "a topic is not written as it was read") }
        if let beat = Beat(bytes) { require(Beat(beat.encode()) == beat, "a beat is not written as it was read") }
        if let origin = MetricOrigin(json: bytes), origin.json.count <= MetricOrigin.largest {
            require(MetricOrigin(json: origin.json) != nil, "an origin's JSON can't be read")
        }
    }

    /// A journal record's payload, as a replay reads it.
    private static func record(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let count = Int(input.number() as UInt32)
        let first = LanePosition(epoch: input.number(), sequence: min(max(1, input.number()), .max - UInt64(count)))
        let payload = input.all()
        var (seen, size) = (0, 0)
        try? EnvelopeRecord.read(payload, first: first, count: count) { envelope in
            seen += 1
            size += envelope.body.count + envelope.origin.count
            return true
        }
        require(seen <= count && size <= payload.count, "more envelopes than there are bytes")
    }

    /// Control messages, one a line, to a publisher that has a journal.
    private static func control(_ bytes: [UInt8]) {
        let journal = SampleJournal.make()
        var ledger = PublisherLedger()
        ledger.extend(lane: "TRAINING_LOG", to: LanePosition(epoch: 5, sequence: 7))
        ledger.extend(lane: "GENERIC", to: LanePosition(epoch: 9, sequence: 3))
        let state = PublisherState(id: PublisherID(high: 1, low: 2), epoch: 10, journal: journal, ledger: ledger)
        for line in bytes.split(separator: 0x0A).prefix(8) {
            guard let request = try? ControlJSON.decode(ReplayRequest.self, line) else {
                answer(line)
                continue
            }
            let again = try? ControlJSON.decode(ReplayRequest.self, ControlJSON.encode(request))
            require(again == request, "a request is not written as it was read")
            serve(request, state)
        }
        let status = try? state.status(now: 0)
        require(status != nil, "there is no status")
        let saved = state.withLedger { $0 }
        require(
            (try? ControlJSON.decode(PublisherLedger.self, ControlJSON.encode(saved))) == saved,
            "the ledger can't be read back")
    }

    private static func serve(_ request: ReplayRequest, _ state: PublisherState) {
        switch request.op {
        case .commit:
            let account = ConsumerAccount(
                consumer: request.consumer ?? "", lanes: request.lanes ?? [], state: request.state ?? [:])
            _ = state.withLedger { $0.recordAccount(account, epoch: 10, now: 1) }
        case .forget: _ = state.withLedger { $0.forget(request.consumer ?? "") }
        case .status, .dump, .reload: break
        case .replay:
            guard let dataType = request.dataType, dataType.isValid, request.credit ?? 1 > 0 else { return }
            let job = try? ReplayJob(
                request, dataType: dataType, route: ReplayPeers().route([]), publisher: state,
                newest: { state.newest[dataType] }, recordLosses: {})
            guard let job else { return }
            for _ in 0..<100 {
                guard let step = try? job.next() else { return }
                switch step {
                case .record(let record, let after):
                    guard record.last > after else { return }
                    job.recordSent(through: record.last, bytes: record.payload.count)
                case .gaps: continue
                case .end: return
                }
            }
            require(false, "a replay of three records does not come to an end")
        }
    }

    /// What a publisher answers, as a consumer reads it.
    private static func answer(_ line: ArraySlice<UInt8>) {
        if let gap = try? ControlJSON.decode(ReplayAnswer.Gap.self, line) { _ = ControlJSON.encode(gap) }
        if let end = try? ControlJSON.decode(ReplayAnswer.End.self, line) { _ = ControlJSON.encode(end) }
        if let start = try? ControlJSON.decode(ReplayAnswer.Start.self, line) { _ = ControlJSON.encode(start) }
        if let status = try? ControlJSON.decode(PublisherStatus.self, line) { _ = ControlJSON.encode(status) }
    }

    /// Positions in any order, as a publisher that lies could send them.
    private static func stream(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let lane = Lane(publisher: PublisherID(high: 1, low: 2), dataType: .generic)
        var stream = LaneStream(
            lane, start: input.byte() & 1 == 0 ? .oldest : .after(position(&input)), longestTail: 4096)
        var builder = StreamBuilder()
        var steps = 0
        while !input.rest.isEmpty, steps < 200 {
            steps += 1
            let before = stream.position
            apply(input.byte(), to: &stream, &builder, &input)
            if let before, let after = stream.position { require(after >= before, "a stream went back") }
        }
        _ = builder.drainItems()
    }

    private static func apply(
        _ code: UInt8, to stream: inout LaneStream, _ builder: inout StreamBuilder, _ input: inout FuzzInput
    ) {
        switch code % 9 {
        case 0: _ = stream.goLive()
        case 1:
            let place = position(&input)
            if stream.arrive(
                place, bytes: Int(input.byte()) * 32, room: Int(input.byte() & 3), spare: Int(input.byte()) * 32)
                == .hold
            {
                let header = EnvelopeHeader(
                    publisher: stream.lane.publisher, epoch: place.epoch, sequence: place.sequence, collectionTime: 0,
                    publishTime: 0)
                [UInt8](repeating: 0x20, count: Int(code)).raw { body in
                    stream.hold(
                        header, origin: UnsafeRawBufferPointer(rebasing: body[..<0]),
                        topic: Topic(dataType: .generic, nodeType: "worker", nodeRank: 0), body: body)
                }
            }
        case 2: stream.advanceGoal(to: position(&input))
        case 3: stream.recordRequest(LaneStream.Request(id: 1, sent: .now))
        case 4: stream.giveUpRequest()
        case 5: _ = stream.begins(after: position(&input))
        case 6: _ = stream.takeReplayed(position(&input))
        case 7:
            let gap = StreamGap(
                lane: stream.lane, after: position(&input), through: position(&input), count: input.number(),
                reason: .evicted)
            _ = stream.pass(gap)
        default:
            _ = stream.ended(through: position(&input), isComplete: code & 16 == 0)
            stream.flushTail(into: &builder, room: 100)
        }
    }

    /// Any that can be decoded: small ones mostly, or of all sizes.
    private static func position(_ input: inout FuzzInput) -> LanePosition {
        let small = input.byte()
        if small < 0xF0 { return LanePosition(epoch: UInt64(small >> 6), sequence: UInt64(small & 0x3F)) }
        return LanePosition(epoch: min(input.number(), .max - 1), sequence: min(input.number(), .max - 1))
    }

    /// A request to ingest: frames between bytes 0xFF.
    private static func ingest(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let isAnswered = input.byte() & 1 == 1
        let request = IngestRequest(message: input.parts(64), isAnswered: isAnswered)
        let (metrics, refused) = request.read(node: NodeIdentity())
        require(metrics.count + refused.count == request.bodies.count, "a body got no answer")
        if let encoded = try? EncodedMetrics(metrics) {
            var start = 0
            for (metric, item) in zip(metrics, encoded.items) {
                let body = try? MetricBody(checking: encoded.bodies[start..<item.bodyEnd])
                require(body?.content == metric.body.content, "a metric is not written as it was read")
                require(
                    body?.node == metric.node && body?.timestamp == metric.timestamp, "what was left out is not written"
                )
                start = item.bodyEnd
            }
        }
        let answer = IngestAnswer(accepted: metrics.count, refused: refused)
        require((try? IngestAnswer(answer.encode())) == answer, "an answer can't be read")
    }
}

/// A small journal in memory: two lanes with a hole each.
enum SampleJournal {
    static func make() -> Journal {
        var configuration = JournalConfiguration(segmentBytes: 4096, totalBytes: 1 << 20)
        configuration.now = { 1_800_000_000 }
        let journal = try? Journal.open(directory: "/j", configuration: configuration, fileSystem: MemoryFileSystem())
        guard let journal else { fatalError("no journal") }
        for (lane, epoch, first) in [("TRAINING_LOG", 5, 2), ("TRAINING_LOG", 5, 6), ("GENERIC", 10, 1)]
            as [(String, UInt64, UInt64)]
        {
            let record = JournalRecord(
                lane: lane, epoch: epoch, firstSequence: first, count: 2, earliest: 100, latest: 101,
                payload: [1, 2, 3])
            _ = try? journal.append([record])
        }
        return journal
    }
}
