import Diagnosis
import Logging
import NIOCore
import Testing

@testable import MasterClients

@Suite(.timeLimit(.minutes(1))) struct DLRoverGRPCTransportTests {
    private func reporter(_ port: Int) throws -> any EnvelopeReporter {
        var options = MasterClientOptions()
        options.jobUID = "uid-1"
        options.oldest = nil
        return try MasterURL("127.0.0.1:\(port)").makeReporter(options: options, logger: Logger(label: "test"))
    }

    private static let batch = Batches.batch([Batches.log("a"), Batches.log("b")])

    /// The module of the pickle in a request.
    private static func module(_ exchange: H2Exchange) -> DLRoverModule? {
        let text = String(decoding: Array(buffer: exchange.body), as: UTF8.self)
        return DLRoverModule.allCases.first { text.contains("c\($0.rawValue)\n") }
    }

    @Test func `a report is taken`() async throws {
        let server = try await H2Server.start { exchange in
            let isRight = exchange.headers["job_uid"] == "uid-1" && Self.module(exchange) == .comm
            return H2Server.Step.good(isRight ? [8, 1] : [])
        }
        let reporter = try reporter(server.port)
        #expect(await reporter.report(Self.batch).accepted == 2)
        await reporter.close()
        await server.stop()
    }

    @Test func `an old master is found by its module`() async throws {
        let server = try await H2Server.start { H2Server.Step.good(Self.module($0) == .grpc ? [8, 1] : []) }
        let reporter = try reporter(server.port)
        #expect(await reporter.report(Self.batch).accepted == 2)
        await reporter.close()
        await server.stop()
    }

    @Test func `a master of another job is told from one that cannot read`() async throws {
        for (steps, code) in [
            (H2Server.Step.trailersOnly(16, "Job uid is invalid"), ReportError.Code.wrongJob),
            (H2Server.Step.good([]), .refused),
        ] {
            let server = try await H2Server.start { exchange in
                exchange.headers[":path"] == "/elastic.Master/get" ? steps : H2Server.Step.good([])
            }
            let reporter = try reporter(server.port)
            let outcome = await reporter.report(Self.batch)
            #expect(outcome.accepted == 0 && outcome.failure?.count == 2)
            #expect(outcome.failure?.error.code == code)
            await reporter.close()
            await server.stop()
        }
    }

    @Test func `an answer that is no Response asks whether this is a master`() async throws {
        let server = try await H2Server.start { _ in H2Server.Step.good([0x0B]) }
        let reporter = try reporter(server.port)
        let error = await reporter.report(Self.batch).failure?.error
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("is this a DLRover master") == true)
        await reporter.close()
        await server.stop()
    }
}
