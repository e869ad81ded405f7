import Foundation
import TestSupport

/// A rank with a stand-in for PyTorch's worker server, which itself needs torch: `Tests/EndToEnd/harness/worker_server.py`.
final class WorkerServerStandIn {
    let folder = ScratchFolder()
    /// A socket's path, or a port.
    let place: String
    let process: PythonProcess

    var pid: Int32 { process.pid }

    /// - Parameters:
    ///   - name: of the socket in the scratch folder; digits: a port.
    ///   - named: whether the process's environment says where it is.
    init(
        _ behaviour: String, name: String = "worker_0.sock", rank: Int = 3, named: Bool = false, ownMounts: Bool = false
    ) throws {
        place = Int(name) == nil ? folder.file(name) : name
        let program = try String(contentsOfFile: Self.program, encoding: .utf8)
        var environment = ["RANK": "\(rank)", "LOCAL_RANK": "0"]
        if named { environment["TORCH_WORKER_SERVER_SOCKET"] = place }
        process = try PythonProcess(
            program, arguments: [place, behaviour] + (ownMounts ? [folder.path] : []), environment: environment)
        if process.words.isEmpty { throw POSIXError(.EPERM) }
    }

    /// The paths that were asked for, in order.
    var requests: [String] { folder.lines("\(place).requests") }

    /// Lets a stuck traceback go on.
    func letGo() throws { try folder.write("", to: "\(place).go") }

    private static var program: String {
        URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("EndToEnd/harness/worker_server.py").path
    }
}
