import Diagnosis
import Logging
import NIOCore
import Synchronization
import Testing

@testable import MasterClients

/// What the client does beside plain reports: passing over, changing, learning the limit, failures and heartbeats.
@Suite struct DLRoverCallsTests {
    private func client(_ transport: FakeTransport, _ change: (inout MasterClientOptions) -> Void = { _ in })
        -> DLRoverClient
    {
        var options = MasterClientOptions()
        change(&options)
        return DLRoverClient(
            transport: transport, master: "m", options: options, logger: Logger(label: "test"), now: { 150 })
    }

    @Test func `what the master must not get is passed over, and the rest is sent`() async {
        let transport = FakeTransport()
        let hang = "XPU_TIMER_COMMON_HANG 0"
        let pages = [hang, "a 1", hang + ".0", hang.dropLast() + "7", hang].map { Batches.json(.xpuTimerMetric, $0) }
        let outcome = await client(transport).report(Batches.batch(pages, type: .xpuTimerMetric))
        #expect(outcome.accepted == 5 && outcome.failure == nil)
        #expect(outcome.skipped.map { "\($0.index) \($0.rule)" } == ["1 no-hang-line", "3 hang-value"])
        #expect(outcome.changed == ["hang-normalised": 1])
        #expect(transport.bodies == Array(repeating: Batches.json(.xpuTimerMetric, hang), count: 3))
    }

    @Test func `an envelope that was split is accepted with its last part`() async {
        let log = Batches.log((0..<100).map { "line \($0)" }.joined(separator: "\n"))
        let batch = Batches.batch([Batches.log("a"), log, Batches.log("b")])
        let good = FakeTransport()
        let whole = await client(good) { $0.contentBytes = 500 }.report(batch)
        #expect(whole.accepted == 3 && whole.changed == ["split": 1])
        let failing = FakeTransport([
            .success(true), .success(true), .failure(ReportError(code: .unavailable, message: "")),
        ])
        let half = await client(failing) { $0.contentBytes = 500 }.report(batch)
        #expect(half.accepted == 1 && half.failure?.count == 1 && half.changed.isEmpty)
    }

    @Test func `a lower limit is learnt, and the report made smaller`() async {
        let transport = FakeTransport()
        transport.state.withLock { $0.messageLimit = 3000 }
        let log = Batches.log((0..<1000).map { "line \($0)" }.joined(separator: "\n"))
        let client = client(transport)
        let outcome = await client.report(Batches.batch([Batches.log("a", at: 100), log, log]))
        #expect(outcome.accepted == 3 && outcome.failure == nil, "\(outcome)")
        let big = Batches.json(.generic, String(repeating: "x", count: 5000))
        let refused = await client.report(Batches.batch([big], type: .generic))
        #expect(refused.failure?.error.code == .refused)
    }

    @Test func `heartbeats are asked, in the module that the master knows`() async throws {
        for module in DLRoverModule.allCases {
            let transport = FakeTransport(module: module)
            let name = module == .comm ? "v061" : "v040"
            transport.state.withLock { $0.answer = Fixture.bytes("\(name)_HeartbeatResponse_NodeAction_restart.bin") }
            let action = try await client(transport).sendHeartbeat(at: 150, node: NodeIdentity())
            #expect(action?.actionClass == "NodeAction" && action?.content.contains("restart_worker") == true)
            transport.state.withLock { $0.answer = Fixture.bytes("\(name)_HeartbeatResponse_NoAction.bin") }
            #expect(try await client(transport).sendHeartbeat(at: 150, node: NodeIdentity()) == nil)
        }
        let transport = FakeTransport()
        await #expect(throws: ReportError.self) {
            _ = try await client(transport).sendHeartbeat(at: 150, node: NodeIdentity())
        }
        await #expect(throws: ReportError.self) {
            _ = try await client(transport).sendHeartbeat(at: 150_000, node: NodeIdentity())
        }
        #expect(transport.state.withLock(\.gets) == [.comm, .grpc])
    }

    @Test func `failures are reported, but none that makes the master raise`() async throws {
        let transport = FakeTransport(module: .grpc)
        let client = client(transport)
        try await client.reportFailures(NodeFailure(errorData: "{}", restartCount: 1, node: NodeIdentity()))
        #expect(transport.state.withLock(\.failures) == [.comm, .grpc])
        await #expect(throws: ReportError.self) {
            try await client.reportFailures(
                NodeFailure(errorData: "x", restartCount: 1, level: .rendezvousError, node: NodeIdentity()))
        }
    }

    @Test func `the decisive line comes first and nothing is cut by newer DLRovers`() throws {
        let ranks = (0..<100).map {
            #""\#($0)": {"exitcode": 1, "message": "rank \#($0) \#(String(repeating: "m", count: 50))"}"#
        }
        let failure = NodeFailure.forDLRover(
            failures: "{\(ranks.joined(separator: ","))}", decisiveLine: "RuntimeError: \"it\"\n", restartCount: 2,
            node: NodeIdentity())
        #expect(failure.errorData.unicodeScalars.count <= 2048)
        #expect(failure.errorData.hasPrefix(#"{"decisive_line": "RuntimeError: \"it\"\n", "0": "#))
        #expect(JSONValue.object(failure.errorData) != nil)
        let plain = NodeFailure.forDLRover(
            failures: String(repeating: "é", count: 5000), decisiveLine: "first", restartCount: 0, node: NodeIdentity())
        #expect(plain.errorData.hasPrefix("first\né") && plain.errorData.unicodeScalars.count == 2048)
        let rendezvous = NodeFailure.forDLRover(
            failures: "no JSON", decisiveLine: nil, restartCount: 0, level: .rendezvousError, node: NodeIdentity())
        #expect(rendezvous.level == .error)
    }

    @Test(arguments: DLRoverModule.allCases)
    func `failures and heartbeats are written as DLRover's would be`(_ module: DLRoverModule) {
        let name = module == .comm ? "comm" : "grpc"
        var heartbeat = ByteBuffer()
        PickleWriter.appendHeartbeat(module, at: 1_800_000_000, to: &heartbeat)
        #expect(Array(buffer: heartbeat) == Fixture.bytes("min_\(name)_HeartBeat_build.bin"))
        var failure = ByteBuffer()
        PickleWriter.appendFailure(
            module, NodeFailure(errorData: "{}", restartCount: 1, node: NodeIdentity()), to: &failure)
        #expect(Array(buffer: failure) == Fixture.bytes("min_\(name)_NodeFailure_build.bin"))
    }
}
