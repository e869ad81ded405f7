import Diagnosis
import Logging
import NIOCore
import Synchronization
import Testing

@testable import MasterClients

@Suite struct DLRoverEventTests {
    private func event(_ type: TrainingEvent.Kind, _ step: Int64, _ name: String = "#step") -> TrainingEvent {
        TrainingEvent(timestamp: 1_800_000_000, target: "AtorchTrainerV2", name: name, type: type, step: step)
    }

    @Test func theMasterReadsItsOwnClass() throws {
        var buffer = ByteBuffer()
        let message = DLRoverEvent(event(.end, 12), node: NodeIdentity(id: 1))
        message.appendPickle(.comm, to: &buffer)
        #expect(buffer.readableBytes == message.pickleSize(.comm))
        guard case .object(let object) = try PickleReader.read(Array(buffer.readableBytesView)[...]),
            case .object(let own) = try PickleReader.read(Fixture.bytes("v061_AtorchEvent.bin")[...])
        else {
            Issue.record("no object")
            return
        }
        #expect(object.type == own.type && Set(object.fields.keys) == Set(own.fields.keys))
        #expect(object.int("step") == 13 && object.string("type") == "END" && object.int("timestamp") == 1_800_000_000)
        #expect(object.string("name") == "#step" && object.string("target") == "AtorchTrainerV2")
    }

    @Test func eventsGoOneByOneHoweverOldAndNeverAsReports() async {
        let transport = FakeTransport()
        let client = DLRoverClient(
            transport: transport, master: "m", options: MasterClientOptions(), logger: Logger(label: "test"),
            now: { 1_900_000_000 })
        let bodies = [event(.begin, 1), event(.end, 1), event(.begin, 1, "#save")].map {
            Batches.json(.trainingEvent, $0.content, at: 1_800_000_000)
        }
        let outcome = await client.report(Batches.batch(bodies, type: .trainingEvent))
        #expect(outcome.accepted == 3 && outcome.failure == nil && outcome.skipped.isEmpty)
        #expect(transport.bodies.isEmpty && transport.state.withLock { $0.failures.count } == 3)
    }

    @Test func whatIsNoEventIsRefused() async {
        let transport = FakeTransport()
        let client = DLRoverClient(
            transport: transport, master: "m", options: MasterClientOptions(), logger: Logger(label: "test"),
            now: { 150 })
        let body = Batches.json(.trainingEvent, "step 3 begins")
        let outcome = await client.report(Batches.batch([body], type: .trainingEvent))
        #expect(outcome.accepted == 0 && outcome.failure?.error.code == .refused)
        #expect(transport.state.withLock { $0.failures.isEmpty && $0.reports.isEmpty })
    }
}
