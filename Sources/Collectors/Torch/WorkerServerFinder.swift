internal import SystemSupport

/// Finds a rank's worker server among the sockets at which its process listens.
///
/// It is the one that a setting or the process's `TORCH_WORKER_SERVER_SOCKET` names, or the one whose name says what it is. Nothing is ever sent
/// to another socket.
struct WorkerServerFinder: Sendable {
    let patterns: [WorkerServerPattern]

    /// Why there is none: a sentence, with what would help.
    struct NoServer: Error, Hashable {
        let reason: String
        /// Whether nobody said that there is one.
        var isExpected = false
    }

    func server(of process: RankProcess) async throws(NoServer) -> TorchWorkerServer {
        guard let result = await PatientLook.at(process.pid, { find(process) }) else {
            throw NoServer(reason: "the sockets of process \(process.pid) could not be looked at in time")
        }
        return try result.get()
    }

    /// May block.
    private func find(_ process: RankProcess) -> Result<TorchWorkerServer, NoServer> {
        do throws(SystemCallError) {
            let hasPorts = patterns.contains { $0.port(of: process) != nil }
            let sockets = try ListeningSockets(of: process.pid, withPorts: hasPorts)
            guard let server = server(of: process, among: sockets) else {
                return .failure(absence(process))
            }
            return .success(server)
        } catch {
            return .failure(
                NoServer(reason: "the sockets of process \(process.pid) cannot be looked at: \(error.reason)"))
        }
    }

    /// The configured one before the one of the environment, and that before one that only looks like it.
    func server(of process: RankProcess, among sockets: ListeningSockets) -> TorchWorkerServer? {
        for pattern in patterns {
            if let path = sockets.paths.first(where: { pattern.matches(path: $0, of: process) }) {
                return unix(path, process)
            }
            if let (host, port) = pattern.port(of: process), sockets.ports.contains(port) {
                return TorchWorkerServer(address: .port(host: host, port))
            }
        }
        if let named = process.workerServerSocket, sockets.paths.contains(named) { return unix(named, process) }
        return sockets.paths.first(where: Self.looksLikeWorkerServer).map { unix($0, process) }
    }

    private func unix(_ path: String, _ process: RankProcess) -> TorchWorkerServer {
        TorchWorkerServer(address: .unix(WorkerSocketPath(path, of: process.pid), owner: process.pid))
    }

    /// `worker_0.sock`, `worker.sock`, `torch_worker_server_3`.
    static func looksLikeWorkerServer(_ path: String) -> Bool {
        let name = path.split(separator: "/").last ?? ""
        return name.hasPrefix("worker") && name.hasSuffix(".sock")
            || name.contains("worker_server") || name.contains("worker-server")
    }

    private func absence(_ process: RankProcess) -> NoServer {
        let wanted = patterns.map(\.description) + (process.workerServerSocket.map { [$0] } ?? [])
        guard !wanted.isEmpty else {
            return NoServer(
                reason: "process \(process.pid) has no PyTorch worker server; "
                    + "a line in the training script opens one, see docs/collectors.md", isExpected: true)
        }
        let places = wanted.map { TerminalText.line($0) }.joined(separator: ", ")
        return NoServer(
            reason: "process \(process.pid) does not listen where its worker server should be (\(places))")
    }
}
