import CoreMetrics
import Glibc
import Logging
import MasterClients
import NIOCore

@testable import DLRoverListener
@testable import GRPCServing

/// A server on a free port that answers every call with its message (over HTTP, its body) backwards, or as a test tells it.
struct Serving {
    let server: GRPCServer
    let port: Int
    let budget: RequestBudget

    static func with(
        budget: RequestBudget = RequestBudget(), limits: ConnectionTable.Limits = .init(all: 256),
        callers: ResolvedCallers = ResolvedCallers(users: [0, geteuid()]), owners: SocketOwners = SocketOwners(),
        registry: any MetricsFactory = NOOPMetricsHandler.instance, logger: Logger = Logger(label: "t"),
        grace: TimeAmount = .seconds(1), patience: TimeAmount = .seconds(30),
        requestPatience: TimeAmount = .seconds(60), at place: ListenPlace? = nil, speaking wire: ListenWire = .grpc,
        answerPost: @escaping GRPCServer.AnswerPost = {
            PostAnswer(status: 200, body: ByteBuffer(bytes: Array(buffer: $0.body).reversed()))
        },
        answer: @escaping GRPCServer.Answer = { (call) throws(GRPCStatus) in
            ByteBuffer(bytes: Array(buffer: call.message).reversed())
        },
        _ body: (Serving) async throws -> Void
    ) async throws {
        let server = GRPCServer(
            budget: budget, limits: limits, doorkeeper: Doorkeeper(callers: callers, owners: owners),
            report: ConnectionReport(factory: registry, logger: logger), grace: grace, patience: patience,
            requestPatience: requestPatience, answerPost: answerPost, answer: answer)
        let bound = try await server.listen(at: place ?? .tcp(host: "127.0.0.1", port: 0), speaking: wire)
        let port = if case .tcp(_, let port) = bound { port } else { 0 }
        let running = Task { await server.run() }
        let result: Result<Void, any Error>
        do { result = .success(try await body(Serving(server: server, port: port, budget: budget))) } catch {
            result = .failure(error)
        }
        server.stop()
        await running.value
        try result.get()
    }

    /// Runs `body` with a client of the server.
    static func withClient(
        budget: RequestBudget = RequestBudget(), _ body: (WireClient) async throws -> Void
    ) async throws {
        try await with(budget: budget) { serving in
            let client = try await WireClient.connect(port: serving.port)
            try await body(client)
            await client.close()
        }
    }
}
