import Diagnosis
import Foundation
import Logging
import NIOCore
import Testing

@testable import MasterClients

@Suite(.timeLimit(.minutes(1))) struct DLRoverHTTPTransportTests {
    private static let taken = Fixture.bytes("v061_BaseResponse_ok.bin")
    private static let notTaken = Fixture.bytes("v061_BaseResponse_fail.bin")

    private func reporter(_ port: Int, deadline: Duration = .seconds(30)) throws -> any EnvelopeReporter {
        var options = MasterClientOptions()
        options.jobUID = "uid-1"
        options.deadline = deadline
        options.oldest = nil
        return try MasterURL("dlrover+http://127.0.0.1:\(port)")
            .makeReporter(options: options, logger: Logger(label: "test"))
    }

    private static let batch = Batches.batch([Batches.log("a\"b", id: 3), Batches.log("c", id: 3)])

    /// What comes of reporting one batch to a server that answers so.
    private func failure(
        deadline: Duration = .seconds(30), _ answer: @escaping @Sendable (H1Server.Request) -> H1Server.Answer
    ) async throws -> ReportError? {
        let server = try await H1Server.start(answer)
        let reporter = try reporter(server.port, deadline: deadline)
        let outcome = await reporter.report(Self.batch)
        await reporter.close()
        await server.stop()
        return outcome.failure?.error
    }

    @Test func `sends what DLRover's own client sends`() async throws {
        let server = try await H1Server.start { _ in .whole(200, Self.taken) }
        let reporter = try reporter(server.port)
        for _ in 0..<3 { #expect(await reporter.report(Self.batch).accepted == 2) }
        #expect(server.connectionCount == 1, "the connection is kept")
        let request = try #require(server.requests.first)
        #expect(request.method == "POST" && request.path == "/report")
        #expect(request.headers["job_uid"] == "uid-1")
        #expect(request.headers["content-type"] == "application/json")
        #expect(request.headers["user-agent"]?.hasPrefix("arobust/") == true)
        let json = try #require(try JSONSerialization.jsonObject(with: Data(request.body.utf8)) as? [String: Any])
        #expect(json["node_id"] as? Int == 3 && json["node_type"] as? String == "worker")
        let pickle = try #require(Data(base64Encoded: json["data"] as? String ?? ""))
        guard case .object(let object) = try PickleReader.read(Array(pickle)[...]) else { return }
        #expect(object.type == .diagnosisReportData)
        #expect(object.string("data_content") == Batches.log("a\"b\nc", id: 3))
        #expect(object.int("node_rank") == 0)
        await reporter.close()
        #expect(await reporter.report(Self.batch).failure?.error.code == .closed)
        await server.stop()
    }

    @Test func `an odd node type stays within its string`() throws {
        var node = NodeIdentity()
        node.type = "a\"é\u{1F600}"
        let metric = WorkerTrainingMetric(dataType: .generic, dataContent: "", node: node, timestamp: 1)
        let sent = HTTPRequestBody.message(try Batches.report(metric), .comm)
        let json = try JSONSerialization.jsonObject(with: Data(sent.readableBytesView)) as? [String: Any]
        #expect(json?["node_type"] as? String == node.type)
    }

    @Test func `a report that is not taken is refused if the job is right`() async throws {
        let error = try await failure { .whole(200, $0.path == "/get" ? Self.taken : Self.notTaken) }
        #expect(error?.code == .refused)
    }

    @Test func `a master of another job is told apart`() async throws {
        let error = try await failure { _ in .whole(406, Array("Job uid is invalid".utf8)) }
        #expect(error?.code == .wrongJob)
        #expect(error?.message.contains("Job uid is invalid") == true)
    }

    @Test func `an exception in the master is a refusal with its text`() async throws {
        let error = try await failure { _ in .whole(500, Array("<html>unhashable type</html>".utf8)) }
        #expect(error?.code == .refused)
        #expect(error?.message.hasSuffix("refused the report: unhashable type") == true)
    }

    @Test(arguments: [[], Array("hello".utf8), Fixture.bytes("v061_HeartBeat.bin")])
    func `an answer that is not DLRover's asks whether this is a master`(_ body: [UInt8]) async throws {
        let error = try await failure { _ in .whole(200, body) }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("is this a DLRover master") == true)
    }

    @Test func `a redirect is not followed`() async throws {
        let error = try await failure { _ in .whole(302, [], headers: [("location", "/elsewhere")]) }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("302") == true)
    }

    @Test func `an endless answer is given up`() async throws {
        let error = try await failure { _ in .whole(200, [UInt8](repeating: 0, count: 2_000_000)) }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("1048576 bytes") == true)
    }

    @Test(arguments: [H1Server.Answer.never, .stalled])
    func `the deadline is for the whole answer`(_ answer: H1Server.Answer) async throws {
        let error = try await failure(deadline: .milliseconds(500)) { _ in answer }
        #expect(error?.code == .deadlineExceeded)
    }

    @Test func `a connection that breaks is no answer`() async throws {
        let error = try await failure { _ in .close }
        #expect(error?.code == .unavailable)
    }

    @Test func `nobody at the port is an error with the reason`() async throws {
        let reporter = try reporter(1)  // not one that the kernel may give to another test's server
        let error = await reporter.report(Self.batch).failure?.error
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("Connection refused") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("127.0.0.1:1") == true)
        await reporter.close()
    }
}
