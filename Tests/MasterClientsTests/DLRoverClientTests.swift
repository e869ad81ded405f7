import Diagnosis
import Synchronization
import TestSupport
import Testing

@testable import MasterClients

@Suite struct DLRoverClientTests {
    private let log = LogCapture()

    private func client(_ transport: FakeTransport, _ change: (inout MasterClientOptions) -> Void = { _ in })
        -> DLRoverClient
    {
        var options = MasterClientOptions()
        change(&options)
        return DLRoverClient(
            transport: transport, master: "dlrover+grpc://m:1", options: options, logger: log.logger, now: { 150 })
    }

    // MARK: joining

    @Test func `logs of one node are joined line by line`() async {
        let transport = FakeTransport()
        let outcome = await client(transport).report(
            Batches.batch([Batches.log("a\\\"é", at: 100), Batches.log("b", at: 105), Batches.log("c", at: 110)]))
        #expect(outcome.accepted == 3 && outcome.failure == nil)
        #expect(transport.bodies == [Batches.log("a\\\"é\nb\nc", at: 100)])
        #expect(transport.counts == [3])
    }

    @Test func `a metric gets all keys, and its content stays as it came`() async {
        let transport = FakeTransport()
        let body = #"{ "data_type":"TRAINING_LOG","timestamp":100,"data_content":"x\u00e9" }"#
        _ = await client(transport).report(Batches.batch([body]))
        #expect(transport.bodies == [Batches.log("@").replacing("@", with: #"x\u00e9"#)])
    }

    @Test func `time apart, another node and other flags begin a new report`() async {
        let transport = FakeTransport()
        let outcome = await client(transport).report(
            Batches.batch([
                Batches.log("a", at: 100), Batches.log("b", at: 111), Batches.log("c", at: 110),
                Batches.log("d", at: 110, id: 1), Batches.log("e", at: 110, id: 1, final: true),
                Batches.log("f", at: 110, id: 1, final: true),
            ]))
        #expect(outcome.accepted == 6)
        #expect(transport.counts == [1, 1, 1, 1, 2])
    }

    @Test func `other types are not joined`() async {
        let transport = FakeTransport()
        for type in [DiagnosisDataType.xpuTimerMetric, .stackTrace, .generic] {
            let body = Batches.json(type, "XPU_TIMER_COMMON_HANG{} 0")
            _ = await client(transport).report(Batches.batch([body, body], type: type))
        }
        #expect(transport.counts == [1, 1, 1, 1, 1, 1])
    }

    @Test func `nothing is joined when that is off`() async {
        let transport = FakeTransport()
        _ = await client(transport) { $0.join = false }.report(Batches.batch([Batches.log("a"), Batches.log("b")]))
        #expect(transport.counts == [1, 1])
    }

    @Test(arguments: [(21, [2, 1]), (22, [2, 1]), (33, [2, 1]), (34, [3]), (11, [1, 1, 1])])
    func `content is joined up to the limit, newlines and escapes counted`(_ limit: Int, _ counts: [Int]) async {
        // 10 + 2 + 9 bytes, then 2 + 11.
        let transport = FakeTransport()
        _ = await client(transport) { $0.contentBytes = limit }.report(
            Batches.batch([
                Batches.log(String(repeating: "\"", count: 5)), Batches.log("123456789"), Batches.log("12345678901"),
            ]))
        #expect(transport.counts == counts)
    }

    @Test func `joining keeps to the largest message`() async {
        let transport = FakeTransport()
        let lines = (0..<20).map { Batches.log(String(repeating: "\n", count: 500), at: 100 + Int64($0) / 10) }
        let outcome = await client(transport) { $0.maxMessageBytes = 5000 }.report(Batches.batch(lines))
        #expect(outcome.accepted == 20 && outcome.failure == nil)
        #expect(transport.counts.reduce(0, +) == 20)
        #expect(transport.counts.allSatisfy { $0 > 1 })
        #expect(transport.bodies.allSatisfy { $0.utf8.count < 5000 })
    }

    @Test func `timestamps at the ends of their range do not overflow, and are passed over`() async {
        let transport = FakeTransport()
        let outcome = await client(transport).report(
            Batches.batch([
                Batches.log("a", at: .min), Batches.log("b", at: .max), Batches.log("c"), Batches.log("d", at: 0),
            ]))
        #expect(outcome.accepted == 4 && outcome.failure == nil)
        #expect(outcome.skipped.map(\.rule) == ["stale", "future", "stale"])
        #expect(outcome.skipped.map(\.index) == [0, 1, 3])
        #expect(transport.bodies == [Batches.log("c")])
    }

    // MARK: what is never sent

    @Test func `a message over the limit is refused without a call`() async throws {
        let transport = FakeTransport()
        let (small, big) = (Batches.json(.generic, "a"), Batches.json(.generic, String(repeating: "x", count: 4000)))
        let batch = Batches.batch([small, big, small], type: .generic)
        let metric = try DLRoverMetric(
            checking: batch.entries[1], of: batch, limits: ReportLimits(MasterClientOptions()), now: 100)
        let size = DLRoverReport(joining: [metric]).messageSize(.comm)
        let outcome = await client(transport) { $0.maxMessageBytes = size - 1 }.report(batch)
        #expect(outcome.accepted == 1)
        #expect(outcome.failure?.count == 1)
        #expect(outcome.failure?.error.code == .refused)
        #expect(outcome.failure?.error.message.contains("\(size) bytes, more than the \(size - 1)") == true)
        #expect(transport.counts == [1])
        let fitting = await client(transport) { $0.maxMessageBytes = size }.report(
            Batches.batch([big], type: .generic))
        #expect(fitting.accepted == 1)
    }

    @Test func `a body that is no metric is refused, and those before it are sent`() async {
        let transport = FakeTransport()
        let outcome = await client(transport).report(
            Batches.batch([Batches.log("a"), Batches.log("b"), #"{"stack": 1}"#, Batches.log("c")]))
        #expect(outcome.accepted == 2)
        #expect(outcome.failure?.count == 1)
        #expect(outcome.failure?.error.code == .refused)
        #expect(outcome.failure?.error.message.contains("unknown key 'stack'") == true)
        #expect(transport.counts == [2])
    }

    // MARK: failures

    @Test func `the first failure ends the batch and says how many it concerns`() async {
        let error = ReportError(code: .unavailable, message: "away")
        let transport = FakeTransport([.success(true), .failure(error)])
        let outcome = await client(transport).report(
            Batches.batch([
                Batches.log("a"), Batches.log("b"), Batches.log("c", at: 200), Batches.log("d", at: 200),
                Batches.log("e", at: 200), Batches.log("f", at: 300),
            ]))
        #expect(outcome.accepted == 2)
        #expect(outcome.failure?.count == 3)
        #expect(outcome.failure?.error.code == .unavailable)
        #expect(transport.counts == [2, 3])
    }

    @Test func `an empty batch needs no call`() async {
        let transport = FakeTransport()
        let outcome = await client(transport).report(Batches.batch([]))
        #expect(outcome.accepted == 0 && outcome.failure == nil)
        #expect(transport.counts.isEmpty)
    }

    @Test func `it works as a plain master client`() async throws {
        let transport = FakeTransport([.success(true), .failure(ReportError(code: .refused, message: "no"))])
        let client = client(transport)
        let metric = WorkerTrainingMetric(dataType: .stackTrace, dataContent: "s", node: NodeIdentity(), timestamp: 50)
        try await client.reportDiagnosisAgentMetrics(metric)
        #expect(transport.bodies == [Batches.json(.stackTrace, "s", at: 50)])
        await #expect(throws: ReportError.self) {
            try await client.reportDiagnosisAgentMetrics([metric, metric], position: nil)
        }
    }

    @Test func `closing closes the transport`() async {
        let transport = FakeTransport()
        await client(transport).close()
        #expect(transport.state.withLock { $0.isClosed })
    }

    // MARK: the module's name

    @Test func `an old master's module is found once and remembered`() async {
        let transport = FakeTransport(module: .grpc)
        let client = client(transport)
        for _ in 0..<3 { #expect(await client.report(Batches.batch([Batches.log("a")])).accepted == 1) }
        #expect(transport.modules == [.comm, .grpc, .grpc, .grpc])
        #expect(transport.jobChecks == 0)
        let found = log.lines.filter { $0.hasPrefix("info ") }
        #expect(found.count == 1)
        #expect(found.first?.hasSuffix(" module=dlrover.python.common.grpc") == true)
    }

    @Test func `a refusal by a known master is probed too, as another version may have come back`() async {
        let transport = FakeTransport(Array([true] + Array(repeating: false, count: 4)).map { .success($0) })
        let client = client(transport)
        _ = await client.report(Batches.batch([Batches.log("a")]))
        for check in 1...2 {
            let outcome = await client.report(Batches.batch([Batches.log("b"), Batches.log("c")]))
            #expect(outcome.accepted == 0 && outcome.failure?.count == 2)
            #expect(outcome.failure?.error.code == .refused)
            #expect(transport.jobChecks == check)
        }
        #expect(transport.modules == [.comm, .comm, .grpc, .comm, .grpc])
    }

    @Test func `a first refusal is probed once, then the job is asked for`() async {
        let transport = FakeTransport([.success(false), .success(false)])
        let outcome = await client(transport).report(Batches.batch([Batches.log("a")]))
        #expect(outcome.failure?.error.code == .refused)
        #expect(outcome.failure?.error.message.contains("dlrover+grpc://m:1 could not read the report") == true)
        #expect(transport.modules == [.comm, .grpc])
        #expect(transport.jobChecks == 1)
    }

    @Test func `over HTTP there is no old module to try`() async {
        let transport = FakeTransport([.success(false)], mayMeetOldModule: false)
        let outcome = await client(transport).report(Batches.batch([Batches.log("a")]))
        #expect(outcome.failure?.error.code == .refused)
        #expect(transport.modules == [.comm])
        #expect(transport.jobChecks == 1)
    }

    @Test(arguments: [ReportError.Code.wrongJob, .unavailable])
    func `what the question for the job finds is the failure`(_ code: ReportError.Code) async {
        let transport = FakeTransport([.success(false), .success(false)])
        transport.state.withLock { $0.jobError = ReportError(code: code, message: "said") }
        let outcome = await client(transport).report(Batches.batch([Batches.log("a")]))
        #expect(outcome.failure?.error.code == code)
    }

    @Test func `after an outage another version is found`() async {
        let transport = FakeTransport(module: .comm)
        let client = client(transport)
        #expect(await client.report(Batches.batch([Batches.log("a")])).accepted == 1)
        transport.state.withLock {
            $0.module = nil
            $0.answers = [.failure(ReportError(code: .unavailable, message: "away"))]
        }
        #expect(await client.report(Batches.batch([Batches.log("b")])).accepted == 0)
        transport.state.withLock { $0.module = .grpc }
        #expect(await client.report(Batches.batch([Batches.log("b")])).accepted == 1)
        #expect(transport.modules == [.comm, .comm, .comm, .grpc])
    }
}
