internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import PlainHTTP
internal import SystemSupport

/// PyTorch's worker server inside a rank: a thread of C++ that answers HTTP/1.1 at a Unix socket or a port, without attaching to anything
/// (`torch/csrc/distributed/c10d/control_plane`, since 2.5).
///
/// Each call has its own connection, which it asks the server to close: one that is kept would keep one of the server's few threads.
struct TorchWorkerServer: Hashable, Sendable {
    enum Address: Hashable, Sendable {
        /// - Parameter owner: who must listen there; nobody else is sent anything.
        case unix(WorkerSocketPath, owner: Int32)
        case port(host: String, Int)
    }

    /// Why a call gave nothing, as the rest of a sentence that begins with the server.
    struct Failure: Error, Hashable {
        let reason: String
        /// The server answered, and has no handler of this name.
        var isMissing = false
        /// Whether the server may still be at it.
        var isOpen = false
    }

    /// The longest answers that are taken, in bytes.
    enum Limit {
        /// 2,000 entries of JSON have 0.94 MB.
        static let recorder = 32 << 20
        static let traceback = 4 << 20
        static let small = 1 << 20
    }

    let address: Address

    /// `worker server /run/trainer/worker_0.sock`, `worker server 127.0.0.1:26000`.
    var title: String {
        switch address {
        case .unix(let path, _): "worker server \(TerminalText.line(path.inProcess))"
        case .port(let host, let port): "worker server \(host.contains(":") ? "[\(host)]" : host):\(port)"
        }
    }

    /// The names of its handlers, in order. Those that a module brings are there once it is imported.
    func handlers(within limit: Duration) async throws(Failure) -> [String] {
        let body = try await call(.GET, "/handler/", body: nil, bytes: Limit.small, within: limit)
        // A JSON array of plain words.
        let text = String(decoding: body, as: UTF8.self)
        guard text.hasPrefix("["), text.hasSuffix("]") || text.hasSuffix("]\n") else {
            throw Failure(reason: "answered something other than a list of handlers: '\(Self.start(of: body))'")
        }
        let words = text.split(separator: "\"", omittingEmptySubsequences: false)
        return words.indices.filter { $0 % 2 == 1 }.map { String(words[$0]) }.sorted()
    }

    /// Whether it answers at all. It does so while a handler hangs.
    func ping(within limit: Duration) async -> Bool {
        (try? await handle("ping", bytes: Limit.small, within: limit)).map { $0.starts(with: "pong".utf8) } ?? false
    }

    /// The Flight Recorder, by the first of its handlers that this PyTorch has: JSON, or for the last one a pickle.
    ///
    /// None of them takes Python's global lock.
    func flightRecorder(within limit: Duration) async throws(Failure) -> (content: [UInt8], handler: String) {
        let end = ContinuousClock.now.advanced(by: limit)
        var reasons: [String] = []
        for handler in ["fr_trace_json", "dump_nccl_trace_json", "dump_nccl_trace_pickle"] {
            do throws(Failure) {
                let content = try await handle(
                    handler, bytes: Limit.recorder, within: ContinuousClock.now.duration(to: end))
                guard !content.isEmpty else { throw Failure(reason: "answered nothing", isMissing: true) }
                return (content, handler)
            } catch {
                guard error.isMissing else { throw error }
                reasons.append(error.reason)
            }
        }
        let advice = "its PyTorch shows no Flight Recorder there; 2.10 and newer do, and older ones with CUDA"
        throw Failure(reason: "\(reasons.last ?? "answered nothing"): \(advice)")
    }

    /// `wait_counter_values`, in JSON. Since PyTorch 2.10.
    func waitCounters(within limit: Duration) async throws(Failure) -> [UInt8] {
        try await handle("wait_counter_values", bytes: Limit.small, within: limit)
    }

    /// All threads' Python stacks, in faulthandler's text. Never to be called but through `OpenTracebacks`.
    func traceback(within limit: Duration) async throws(Failure) -> [UInt8] {
        try await handle("dump_traceback", bytes: Limit.traceback, within: limit)
    }

    private func handle(_ name: String, bytes: Int, within limit: Duration) async throws(Failure) -> [UInt8] {
        try await call(.POST, "/handler/\(name)", body: ByteBuffer(), bytes: bytes, within: limit)
    }

    private func call(
        _ method: HTTPMethod, _ path: String, body: ByteBuffer?, bytes: Int, within limit: Duration
    ) async throws(Failure) -> [UInt8] {
        guard limit > .zero else { throw Failure(reason: "was not asked: no time was left") }
        let client = client(bytes: bytes)
        var mayHaveArrived = false
        let result: Result<HTTPAnswer, any Error>
        do {
            result = .success(
                try await client.call(
                    method, path, headers: ["connection": "close"], body: body, deadline: limit,
                    mayHaveArrived: &mayHaveArrived))
        } catch {
            result = .failure(error)
        }
        await client.close()
        switch result {
        case .success(let answer):
            guard answer.status == 200 else {
                let reason = "answered with status \(answer.status): '\(Self.start(of: answer.body))'"
                throw Failure(reason: reason, isMissing: answer.status == 404)
            }
            return answer.body
        case .failure(let error):
            throw Failure(
                reason: Self.reason(of: error, path, limit),
                isOpen: mayHaveArrived && (error as? HTTPCallError) == .deadlineExceeded)
        }
    }

    private func client(bytes: Int) -> HTTPClient {
        let wanted = HTTPClient.Wanted(bodyBytes: bytes)
        switch address {
        case .unix(let path, let owner):
            return HTTPClient(wanted: wanted) { try path.connect(owner: owner) }
        case .port(let host, let port):
            return HTTPClient(host: host, port: port, connectTimeout: .seconds(2), wanted: wanted)
        }
    }

    private static func start(of body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(200), as: UTF8.self)
        return SecretText.line(text.split(separator: "\n").first.map(String.init) ?? "", limit: 120)
    }

    private static func reason(of error: any Error, _ path: String, _ limit: Duration) -> String {
        switch error {
        case HTTPCallError.deadlineExceeded, HTTPCallError.connectTimeout:
            "did not answer \(path) within \(DurationText.write(limit))"
        case HTTPCallError.closedByServer: "closed the connection before its answer to \(path) was whole"
        case HTTPCallError.tooLarge(let limit): "answered \(path) with more than \(limit) bytes"
        case let error as IOError: "cannot be reached: \(SystemCallError.text(error.errnoCode))"
        default: "cannot be asked for \(path): \(error)"
        }
    }
}
