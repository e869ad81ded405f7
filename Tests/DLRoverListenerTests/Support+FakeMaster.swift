import MasterClients
import NIOCore
import Synchronization

@testable import DLRoverListener
@testable import GRPCServing

/// A gRPC server on 127.0.0.1 that answers as a test tells it.
final class FakeMaster: Sendable {
    typealias Answer = @Sendable (Call) async -> Result<[UInt8], GRPCStatus>

    struct Call: Sendable {
        var path: String
        var metadata: [String: String]
        var message: [UInt8]
        var timeout: Duration?
    }

    private let seen = Mutex<[Call]>([])
    private let cancelled = Mutex(0)

    /// The calls so far.
    var calls: [Call] { seen.withLock { $0 } }
    /// How many of them their caller ended before they were answered.
    var cancelledCalls: Int { cancelled.withLock { $0 } }

    /// Runs `body` with a master, whose URL it is given.
    static func with(_ answer: @escaping Answer, _ body: (FakeMaster, MasterURL) async throws -> Void) async throws {
        let master = FakeMaster()
        try await Serving.with(answer: { (call) async throws(GRPCStatus) in try await master.answer(call, answer) }) {
            try await body(master, try MasterURL("127.0.0.1:\($0.port)"))
        }
    }

    private func answer(_ call: RelayedCall, _ answer: Answer) async throws(GRPCStatus) -> ByteBuffer {
        let request = Call(
            path: call.path, metadata: Dictionary(call.metadata.map { ($0.name, $0.value) }) { $1 },
            message: Array(buffer: call.message), timeout: call.timeout)
        seen.withLock { $0.append(request) }
        let result = await withTaskCancellationHandler {
            await answer(request)
        } onCancel: {
            cancelled.withLock { $0 += 1 }
        }
        return ByteBuffer(bytes: try result.get())
    }
}
