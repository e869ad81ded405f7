internal import Collectors
private import Glibc
internal import MasterClients
private import SystemSupport
internal import ZMQBridge

extension AgentSettings {
    /// What the settings name and can't be used as things are now. Each may still come or change, so none of it stops the start; but a name may
    /// be misspelt.
    func warnings() -> [String] {
        logWarnings + pySpyWarnings + processWarnings + masterWarnings + fileWarnings + listenWarnings + monitorWarnings
    }

    private var logWarnings: [String] {
        logSelection.obstacles().map { obstacle in
            "\(obstacle.isOfTorchrun ? place(of: \.logs.torchrun) : place(of: \.logs.files)): \(obstacle.sentence)"
        }
    }

    private var pySpyWarnings: [String] {
        guard let path = values[\.stacks.pySpy] else { return [] }
        let kind = [.regular, .missing].contains(PathLook(path)) ? nil : PathLook(path).kind
        let problem = kind.map { "\(path) is \($0), not a program" } ?? PathLook.refusal(X_OK, "run", path)
        return problem.map { ["\(place(of: \.stacks.pySpy)): \($0); no Python stacks can be taken with it"] } ?? []
    }

    /// Of processes that run later the number is not known now.
    private var processWarnings: [String] {
        values[\.stacks.pids].filter { PathLook("/proc/\($0)") == .missing }
            .map { "\(place(of: \.stacks.pids)): there is no process \($0)" }
    }

    private var masterWarnings: [String] {
        values.masters.flatMap { entry -> [String] in
            guard let url = try? MasterURL(entry.url.texts.joined()) else { return [] }
            var warnings: [String] = []
            if let obstacle = url.obstacle {
                warnings.append(
                    "\(entry.url.origin): \(url) can't be \(url.isStream ? "used" : "written"): \(obstacle)")
            }
            if url.isStream, values.overlaid(with: entry.options)[\.delivery.httpProxy] != nil {
                warnings.append(
                    "\(entry.url.origin): \(url) is reached without delivery.http-proxy: NATS speaks no HTTP")
            }
            return warnings
        }
    }

    private var fileWarnings: [String] {
        var warnings: [String] = []
        if let path = values[\.telemetry.file], let obstacle = Self.obstacle(toReplacing: path) {
            warnings.append("\(place(of: \.telemetry.file)): \(path) can't be written: \(obstacle)")
        }
        if let path = values[\.diagnosis.kernelLog] {
            let problem = PathLook(path) == .folder ? "\(path) is a folder" : PathLook.refusal(R_OK, "read", path)
            warnings += problem.map { ["\(place(of: \.diagnosis.kernelLog)): \($0)"] } ?? []
        }
        return warnings
    }

    private var listenWarnings: [String] {
        guard !values[\.listenAllow].isEmpty, values[\.listen].isEmpty else { return [] }
        return ["\(place(of: \.listenAllow)): without listen it allows nothing"]
    }

    /// State directories of publishers that this user may not ask.
    var stateDirectoryWarnings: [String] {
        (try? stateDirectories())?.compactMap { directory in
            (StateDirectoryAccess.obstacle(of: directory.path) ?? Self.distrust(of: directory))
                .map { "\(place(of: \.stateDirectory)): \($0)" }
        } ?? []
    }

    /// Why a file can't be put in the place of a path, in a folder that is there: a sentence.
    private static func obstacle(toReplacing path: String) -> String? {
        let folder = Directory.parent(of: path)
        if let obstacle = PathLook.obstacle(ofFolder: folder) { return obstacle }
        guard PathLook(path) != .folder else { return "it is a folder" }
        return PathLook.refusal(W_OK | X_OK, "write to the folder", folder)
    }

    /// Why a state directory could be another user's; `nil` if it can't.
    private static func distrust(of directory: StateDirectory) -> String? {
        do throws(StateDirectoryError) {
            try directory.checkForClients()
            return nil
        } catch {
            // That of a newer version is an error of its own.
            return error.isNewerVersion ? nil : "\(error)"
        }
    }
}

/// Whether this user may use a state directory.
package enum StateDirectoryAccess {
    /// Why it may not: a sentence for people. `nil` if it may, or if the directory is not there.
    package static func obstacle(of path: String) -> String? {
        if let kind = PathLook(path).kind, kind != "a folder" {
            return "the state directory \(path) is \(kind), not a directory; name another one"
        }
        guard access(path, R_OK | X_OK) != 0, errno == EACCES else { return nil }
        var status = stat()
        // Without a status it is a folder above that this user may not enter.
        let owner =
            stat(path, &status) == 0
            ? "it belongs to user \(status.st_uid) and has mode 0\(String(status.st_mode & 0o777, radix: 8))"
            : "a folder above it belongs to somebody else"
        return
            "user \(geteuid()) may not enter the state directory \(path): \(owner); run arobust as its owner, or name another one"
    }
}
