import ConsoleListener
import ConsoleStore
import CoreMetrics
import Diagnosis
import Logging
import MasterClients
import Synchronization
import SystemSupport
import Telemetry
import Testing

/// A console's listener and its client, on a real socket; only what keeps the envelopes is a fake.
struct ReportingTests {
    private final class Memory: ConsoleIntake {
        let batches = Mutex<[EnvelopeBatch]>([])
        let beats = Mutex<[NodeBeat]>([])
        let isFull = Mutex(false)

        func take(_ new: [EnvelopeBatch], from source: ReportSource) async throws(ReportError) -> ReportReceipt {
            if isFull.withLock({ $0 }) {
                throw ReportError(code: .storage, message: "the store is full: No space left on device")
            }
            batches.withLock { $0 += new }
            let refused = new.flatMap { batch in batch.entries.map { batch.body(of: $0).count } }.enumerated()
                .filter { $0.element == 3 }.map {
                    ReportOutcome.Skip(index: $0.offset, rule: "refused", reason: "no metric")
                }
            return ReportReceipt(finished: new.reduce(0) { $0 + $1.count }, skipped: refused)
        }

        func heard(_ beat: NodeBeat, from source: ReportSource) async { beats.withLock { $0.append(beat) } }
    }

    private func batch(_ bodies: [String], origin: String = "") -> EnvelopeBatch {
        var batch = EnvelopeBatch(
            lane: Lane(publisher: PublisherID(), dataType: .trainingLog), epoch: 7, nodeType: "worker", nodeRank: 3)
        for (index, body) in bodies.enumerated() {
            batch.append(
                sequence: UInt64(index) + 1, collectionTime: 1_800_000_000, publishTime: 5, body: Array(body.utf8).span,
                origin: Array(origin.utf8).span, isShed: index == 1)
        }
        return batch
    }

    private func serving(
        _ memory: Memory, token: String? = nil, _ body: (MasterURL) async throws -> Void
    ) async throws {
        let listener = try ConsoleListener(
            address: ConsoleAddress(host: "127.0.0.1", port: 0), token: token, intake: memory, connectionLimit: 64,
            factory: NOOPMetricsHandler.instance, logger: Logger(label: "test"))
        let (addresses, found) = AsyncStream.makeStream(of: ConsoleAddress.self)
        let running = Task { try await listener.run { found.yield($0) } }
        let address = try #require(await addresses.first { _ in true })
        try await body(try MasterURL("\(address)"))
        running.cancel()
        _ = await running.result
    }

    @Test func anEnvelopeArrivesAsItWas() async throws {
        let memory = Memory()
        try await serving(memory) { url in
            let client = try url.makeReporter()
            let sent = batch(["{\"a\": 1}", "bod", "äö"], origin: "{\"path\": \"/x\"}")
            let outcome = await client.report(sent)
            #expect(outcome.accepted == 3)
            #expect(outcome.skipped == [.init(index: 1, rule: "refused", reason: "no metric")])
            let first = memory.batches.withLock { $0.first }
            let got = try #require(first)
            #expect(got.lane == sent.lane && got.epoch == 7 && got.nodeType == "worker" && got.nodeRank == 3)
            for (one, other) in zip(got.entries, sent.entries) {
                #expect(one.sequence == other.sequence && one.isShed == other.isShed)
                #expect(one.collectionTime == other.collectionTime && one.publishTime == other.publishTime)
                #expect(got.body(of: one) == sent.body(of: other))
                #expect(got.originBytes(of: one) == sent.originBytes(of: other))
            }
            await client.close()
        }
    }

    @Test func aLargeBatchGoesInPieces() async throws {
        let memory = Memory()
        try await serving(memory) { url in
            let client = try url.makeReporter()
            let text = String(repeating: "k", count: 900_000)
            let outcome = await client.report(batch((0..<12).map { "\($0)" + text }))
            #expect(outcome.accepted == 12 && outcome.failure == nil)
            #expect(memory.batches.withLock { $0.map(\.count) } == [4, 4, 4])
            #expect(memory.batches.withLock { $0.flatMap { $0.entries.map(\.sequence) } } == Array(1...12))
            await client.close()
        }
    }

    @Test func aFullStoreIsTriedAgainLater() async throws {
        let memory = Memory()
        memory.isFull.withLock { $0 = true }
        try await serving(memory) { url in
            let client = try url.makeReporter()
            let failure = try #require(await client.report(batch(["{}"])).failure)
            #expect(failure.error.isRetriable && failure.error.message.contains("No space left on device"))
            memory.isFull.withLock { $0 = false }
            #expect(await client.report(batch(["{}"])).accepted == 1)
            await client.close()
        }
    }

    @Test func withoutTheTokenNobodyGetsIn() async throws {
        let memory = Memory()
        try await serving(memory, token: "right-token-of-16") { url in
            for (token, isIn) in [(nil, false), ("wrong-token-of-16", false), ("right-token-of-16", true)] {
                var options = MasterClientOptions()
                options.token = token
                let client = try url.makeReporter(options: options)
                let outcome = await client.report(batch(["{}"]))
                #expect((outcome.accepted == 1) == isIn, "\(token ?? "none")")
                if !isIn { #expect(outcome.failure?.error.message.contains("token") == true) }
                await client.close()
            }
        }
    }

    @Test func aBeatSaysWhoIsThere() async throws {
        let memory = Memory()
        try await serving(memory) { url in
            let client = try #require(try url.makeReporter() as? any BeatSender & EnvelopeReporter)
            let beat = NodeBeat(
                job: "j", nodeType: "worker", nodeID: 4, nodeRank: 3, host: "h", version: "1", publishers: ["{}"])
            try await client.send(beat)
            #expect(memory.beats.withLock { $0 } == [beat])
            await client.close()
        }
    }

    @Test func beyondLoopbackItWantsAToken() throws {
        #expect(throws: ConsoleListenError.self) {
            try ConsoleListener(
                address: ConsoleAddress(host: "0.0.0.0", port: 0), token: nil, intake: Memory(), connectionLimit: 64,
                factory: NOOPMetricsHandler.instance, logger: Logger(label: "test"))
        }
    }

    @Test(arguments: [
        ("arobust://0.0.0.0:50052", "arobust://0.0.0.0:50052", false),
        ("arobust://LOCALHOST:0/", "arobust://127.0.0.1:0", true),
        ("arobust://[::1]:5", "arobust://[::1]:5", true), ("arobust://127.0.0.9:5", "arobust://127.0.0.9:5", true),
        ("arobust://127.evil.org.x:5", "arobust://127.evil.org.x:5", false),
    ])
    func readsAnAddress(text: String, canonical: String, isLoopback: Bool) throws {
        let address = try #require(ConsoleAddress(text))
        #expect("\(address)" == canonical && address.isLoopback == isLoopback)
    }

    @Test(arguments: [
        "arobust://", "arobust://host", "arobust://:5", "arobust://h:65536", "arobust://::1:5", "arobust://a/b:5",
        "x://h:5",
    ])
    func refusesWhatIsNoAddress(text: String) {
        #expect(ConsoleAddress(text) == nil)
    }
}
