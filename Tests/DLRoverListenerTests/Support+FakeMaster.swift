import DLRoverListener
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import MasterClients
import NIOCore
import Synchronization

/// A gRPC server on 127.0.0.1 that answers as a test tells it.
final class FakeMaster: Sendable {
    typealias Answer = @Sendable (Call) async -> Result<[UInt8], RPCError>

    struct Call: Sendable {
        var path: String
        var metadata: [String: String]
        var message: [UInt8]
    }

    private let transport = HTTP2ServerTransport.Posix(
        address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext)
    private let seen = Mutex<[Call]>([])
    private let cancelled = Mutex(0)

    /// The calls so far.
    var calls: [Call] { seen.withLock { $0 } }
    /// How many of them their caller ended before they were answered.
    var cancelledCalls: Int { cancelled.withLock { $0 } }

    /// Runs `body` with a master, whose URL it is given.
    static func with(_ answer: @escaping Answer, _ body: (FakeMaster, MasterURL) async throws -> Void) async throws {
        let master = FakeMaster()
        let serving = Task { try await master.serve(answer) }
        let port = try await master.transport.listeningAddress.ipv4?.port ?? 0
        do {
            try await body(master, try MasterURL("127.0.0.1:\(port)"))
        } catch {
            serving.cancel()
            throw error
        }
        serving.cancel()
        _ = await serving.result
    }

    private func serve(_ answer: @escaping Answer) async throws {
        try await transport.listen { stream, context in
            var call = Call(path: "/\(stream.descriptor.fullyQualifiedMethod)", metadata: [:], message: [])
            do {
                for try await part in stream.inbound {
                    switch part {
                    case .metadata(let block): for (name, value) in block { call.metadata[name] = value.encoded() }
                    case .message(let bytes): call.message = bytes.withUnsafeBytes { Array($0) }
                    }
                }
            } catch { return }
            let request = call
            self.seen.withLock { $0.append(request) }
            let result = await withRPCCancellationHandler {
                await answer(request)
            } onCancelRPC: {
                self.cancelled.withLock { $0 += 1 }
            }
            switch result {
            case .success(let bytes):
                try? await stream.outbound.write(contentsOf: [
                    .metadata([:]), .message(GRPCNIOTransportBytes(bytes)),
                    .status(Status(code: .ok, message: ""), [:]),
                ])
            case .failure(let error):
                try? await stream.outbound.write(.status(Status(code: .init(error.code), message: error.message), [:]))
            }
            await stream.outbound.finish()
        }
    }
}
