import Diagnosis
import Logging
import NIOHTTP2
import Synchronization
import Testing

@testable import MasterClients

/// Whether a master may have a report that nothing was answered to.
@Suite(.timeLimit(.minutes(1))) struct AmbiguityTests {
    /// What comes of one report to the master at `url`.
    private func error(_ url: String, deadline: Duration = .seconds(30)) async throws -> ReportError? {
        var options = MasterClientOptions()
        options.oldest = nil
        options.deadline = deadline
        options.connectTimeout = .seconds(20)
        let reporter = try MasterURL(url).makeReporter(options: options, logger: Logger(label: "test"))
        let outcome = await reporter.report(Batches.batch([Batches.log("a")]))
        await reporter.close()
        return outcome.failure?.error
    }

    private static let answers: [(steps: [H2Server.Step], isAmbiguous: Bool)] = [
        ([.reset(.refusedStream)], false), ([.reset(.internalError)], true), ([.goAway(last: 0, .noError)], false),
        ([.goAway(last: 0, .enhanceYourCalm)], false), ([.close], true), ([.head, .trailers(0)], true),
        ([.headers([(":status", "503")], isEnd: true)], true), (H2Server.Step.trailersOnly(14, "down"), true),
        (H2Server.Step.trailersOnly(8, "Concurrent RPC limit exceeded!"), false),
        (H2Server.Step.trailersOnly(12, "Method not found!"), false),
    ]

    @Test(arguments: 0..<10)
    func `over gRPC a call that was begun is ambiguous unless the master disowns it`(_ index: Int) async throws {
        let (steps, isAmbiguous) = Self.answers[index]
        let server = try await H2Server.start { _ in steps }
        let error = try #require(try await error("127.0.0.1:\(server.port)"))
        #expect(error.code == .unavailable && error.isAmbiguous == isAmbiguous, "\(error)")
        await server.stop()
    }

    @Test func `a deadline is ambiguous once the report has been written`() async throws {
        let silent = try await RawServer.start(saying: nil)
        let waiting = try #require(try await error("127.0.0.1:\(silent.port)", deadline: .milliseconds(200)))
        #expect(waiting.code == .deadlineExceeded && !waiting.isAmbiguous)
        await silent.stop()
        let server = try await H2Server.start { _ in [] }
        let written = try #require(try await error("127.0.0.1:\(server.port)", deadline: .seconds(1)))
        #expect(written.code == .deadlineExceeded && written.isAmbiguous)
        await server.stop()
    }

    @Test func `over HTTP everything after the head is ambiguous, and nothing before it`() async throws {
        for answer in [H1Server.Answer.never, .stalled, .close] {
            let server = try await H1Server.start { _ in answer }
            let error = try #require(
                try await error("dlrover+http://127.0.0.1:\(server.port)", deadline: .seconds(1)))
            #expect(error.isAmbiguous, "\(error)")
            await server.stop()
        }
        let gone = try await RawServer.start(saying: nil)
        await gone.stop()
        for scheme in ["grpc", "http"] {
            let refused = try #require(try await error("dlrover+\(scheme)://127.0.0.1:\(gone.port)"))
            #expect(refused.code == .unavailable && !refused.isAmbiguous, "\(refused)")
        }
    }

    @Test func `over HTTP a deadline that passes while connecting is not ambiguous`() async throws {
        // TEST-NET-1 (RFC 5737) answers nothing; where there is no route at all the connection fails at once, which is as certain.
        let error = try #require(try await error("dlrover+http://192.0.2.1:9", deadline: .milliseconds(300)))
        #expect(!error.isAmbiguous, "\(error)")
    }

    @Test func `a question after an answer makes nothing ambiguous`() async {
        let transport = FakeTransport([.success(false), .success(false)])
        transport.state.withLock {
            $0.jobError = ReportError(code: .deadlineExceeded, message: "late", isAmbiguous: true)
        }
        let client = DLRoverClient(
            transport: transport, master: "m", options: MasterClientOptions(), logger: Logger(label: "test"),
            now: { 150 })
        let failure = await client.report(Batches.batch([Batches.log("a")])).failure
        #expect(failure?.error.code == .deadlineExceeded && failure?.error.isAmbiguous == false)
    }
}
