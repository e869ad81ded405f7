import Dispatch
import Logging
import NIOCore
import NIOHTTP1
import PlainHTTP
import Synchronization
import Testing
import TestSupport

@testable import MasterClients

/// Servers that take a connection and then answer nothing, and names whose address changes. On real sockets.
@Suite(.timeLimit(.minutes(2))) struct SilentServerTests {
    /// What a name stands for, until a test changes it.
    final class Names: Sendable {
        private let addresses: Mutex<[String]>

        init(_ addresses: String...) { self.addresses = Mutex(addresses) }

        func set(_ new: String...) { addresses.withLock { $0 = new } }

        var lookup: AddressLookup {
            AddressLookup { [self] (host, port) throws(AddressLookupError) in
                let all = addresses.withLock { $0 }
                if all.isEmpty { throw AddressLookupError(reason: "no such name") }
                return all.compactMap { try? SocketAddress(ipAddress: $0, port: port) }
            }
        }
    }

    private func client(
        _ port: Int, _ names: Names, timeout: Duration, connectTimeout: Duration = .seconds(5)
    ) -> GRPCClient {
        GRPCClient(
            host: "master", port: port, metadata: [], timeout: timeout, connectTimeout: connectTimeout,
            lookup: names.lookup, logger: Logger(label: "test"))
    }

    private static func isAnswered(_ client: GRPCClient) async -> Bool {
        let outcome = await client.call(
            client.headers(path: "/elastic.Master/report"), GRPCMessageBody.framed(ByteBuffer()))
        guard case .success(let answer) = outcome else { return false }
        return answer.status.code == .ok
    }

    private static func good(_ host: String, _ port: Int = 0) async throws -> H2Server {
        try await H2Server.start(.init(host: host, port: port)) { _ in H2Server.Step.good() }
    }

    /// A client with a connection to a server at 127.0.0.2, which then falls silent. `body` changes what the name stands for, and calls.
    private func afterSilence(
        timeout: Duration, _ body: (GRPCClient, Names, H2Server) async throws -> Void
    ) async throws {
        let names = Names("127.0.0.2")
        let server = try await Self.good("127.0.0.2")
        let client = client(server.port, names, timeout: timeout)
        try await eventually { await Self.isAnswered(client) }
        await server.freeze()
        try await body(client, names, server)
        await client.close()
        await server.stop()
    }

    /// The same, with another server at the same port of 127.0.0.3, which the name stands for from then on. `call` must reach it.
    private func afterMove(timeout: Duration, _ call: @Sendable (GRPCClient) async -> Bool) async throws {
        try await afterSilence(timeout: timeout) { client, names, old in
            let new = try await Self.good("127.0.0.3", old.port)
            names.set("127.0.0.3")
            try await eventually { await call(client) }
            #expect(new.connectionCount > 0)
            await new.stop()
        }
    }

    @Test func `a server that falls silent is left for the name's new address`() async throws {
        try await afterMove(timeout: .milliseconds(500)) { await Self.isAnswered($0) }
    }

    @Test func `calls that end before a ping is due make it due`() async throws {
        try await afterMove(timeout: .seconds(2)) { client in
            let headers = client.headers(path: "/elastic.Master/report", metadata: [], timeout: nil)
            let request = GRPCMessageBody.framed(ByteBuffer())
            if case .success = await client.call(headers, request, timeout: .milliseconds(50)) { return true }
            return false
        }
    }

    @Test func `an address that takes connections and says nothing is tried last`() async throws {
        let silent = try await RawServer.start(saying: nil, host: "127.0.0.2")
        let good = try await Self.good("127.0.0.3", silent.port)
        // Nobody listens at the first one.
        let names = Names("127.0.0.4", "127.0.0.2", "127.0.0.3")
        let client = client(silent.port, names, timeout: .seconds(30), connectTimeout: .milliseconds(300))
        try await eventually { await Self.isAnswered(client) }
        #expect(good.connectionCount > 0)
        await client.close()
        await silent.stop()
        await good.stop()
    }

    @Test func `a silent address is tried when no other takes a connection`() async throws {
        try await afterSilence(timeout: .milliseconds(500)) { client, names, server in
            // Nobody listens at the second one.
            names.set("127.0.0.2", "127.0.0.4")
            let before = server.connectionCount
            try await eventually { await Self.isAnswered(client) }
            #expect(server.connectionCount > before)
        }
    }

    @Test func `a name without an address says so, and is looked up again`() async throws {
        let server = try await Self.good("127.0.0.2")
        let names = Names()
        let client = client(server.port, names, timeout: .seconds(30))
        let outcome = await client.call(client.headers(path: "/x"), GRPCMessageBody.framed(ByteBuffer()))
        guard case .failure(.unavailable(let reason)) = outcome else { throw Mismatch() }
        #expect(reason == "no connection: the name could not be looked up: no such name")
        names.set("127.0.0.2")
        try await eventually { await Self.isAnswered(client) }
        await client.close()
        await server.stop()
    }

    @Test func `a lookup without an answer ends like a connection without one`() async throws {
        let end = DispatchSemaphore(value: 0)
        defer { end.signal() }
        let never = AddressLookup { (host, port) throws(AddressLookupError) in
            end.wait()
            return []
        }
        let client = GRPCClient(
            host: "master", port: 1, metadata: [], timeout: .seconds(30), connectTimeout: .milliseconds(100),
            lookup: never, logger: Logger(label: "test"))
        let outcome = await client.call(client.headers(path: "/x"), GRPCMessageBody.framed(ByteBuffer()))
        guard case .failure(.unavailable(let reason)) = outcome else { throw Mismatch() }
        #expect(reason == "no connection: the name could not be looked up: no answer within the time allowed")
        await client.close()
    }

    struct Mismatch: Error {}

    @Test func `the system looks up names and numbers`() throws {
        #expect(
            try AddressLookup.system.addresses("127.0.0.1", 80) == [SocketAddress(ipAddress: "127.0.0.1", port: 80)])
        #expect(try AddressLookup.system.addresses("::1", 80) == [SocketAddress(ipAddress: "::1", port: 80)])
        #expect(throws: AddressLookupError.self) { try AddressLookup.system.addresses("nobody.invalid", 80) }
    }

    @Test func `over HTTP, connections that may be dead are left to the calls that have them`() async throws {
        let answers = Mutex([H1Server.Answer.whole(200, []), .whole(200, []), .never])
        let server = try await H1Server.start { _ in
            answers.withLock { $0.isEmpty ? .whole(200, []) : $0.removeFirst() }
        }
        let client = HTTPClient(
            host: "127.0.0.1", port: server.port, connectTimeout: .seconds(30), wanted: .init(bodyBytes: 100))
        func call(_ deadline: Duration = .seconds(60)) async throws -> Int {
            var mayHaveArrived = false
            return try await client.call(.GET, "/", deadline: deadline, mayHaveArrived: &mayHaveArrived).status
        }
        #expect(try await call() == 200)
        #expect(try await call() == 200)
        #expect(server.connectionCount == 1)
        await #expect(throws: HTTPCallError.deadlineExceeded) { try await call(.milliseconds(50)) }
        #expect(try await call() == 200)
        #expect(server.connectionCount == 2)
        await client.close()
        await #expect(throws: HTTPCallError.alreadyClosed) { try await call() }
        await server.stop()
    }
}
