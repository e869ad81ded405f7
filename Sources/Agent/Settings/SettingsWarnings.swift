internal import Collectors
private import Glibc
internal import MasterClients
private import SystemSupport
internal import ZMQBridge

extension AgentSettings {
    /// What the settings name and is not there. Each may still come, so none of it stops the start; but a name may be misspelt.
    package func warnings() -> [String] {
        logWarnings + torchrunWarnings + pySpyWarnings + masterWarnings + stateDirectoryWarnings
    }

    private var logWarnings: [String] {
        values[\.logs.files].compactMap { path in
            guard !LogSelection.isPattern(path) else {
                let folder = Self.fixedFolder(of: path)
                return Self.missing(folder).map { "nothing can match \(path) yet: there is no folder \(folder)\($0)" }
            }
            guard Self.missing(path) != nil else { return nil }
            let folder = Directory.parent(of: path)
            let nor = Self.missing(folder) == nil ? "" : ", nor is there a folder \(folder)"
            return "there is no log \(path) yet\(nor); it is followed as soon as there is"
        }.map { "\(place(of: \.logs.files)): \($0)" }
    }

    private var torchrunWarnings: [String] {
        values[\.logs.torchrun].filter { Self.missing($0) != nil }
            .map { "\(place(of: \.logs.torchrun)): there is no folder \($0) yet" }
    }

    private var pySpyWarnings: [String] {
        guard let path = values[\.stacks.pySpy], access(path, X_OK) != 0 else { return [] }
        let error = SystemCallError("run", path: path)
        return ["\(place(of: \.stacks.pySpy)): \(error); no Python stacks can be taken with it"]
    }

    private var masterWarnings: [String] {
        values.masters.compactMap { entry in
            guard let url = try? MasterURL(entry.url.texts.joined()), case .file(let path) = url.target else {
                return nil
            }
            let folder = Directory.parent(of: path)
            return Self.missing(folder).map {
                "\(entry.url.origin): \(url) can't be written: there is no folder \(folder)\($0)"
            }
        }
    }

    private var stateDirectoryWarnings: [String] {
        (try? stateDirectories())?.compactMap { directory in
            (StateDirectoryAccess.obstacle(of: directory.path) ?? Self.distrust(of: directory))
                .map { "\(place(of: \.stateDirectory)): \($0)" }
        } ?? []
    }

    /// Why a state directory could be another user's; `nil` if it can't.
    private static func distrust(of directory: StateDirectory) -> String? {
        do throws(StateDirectoryError) {
            try directory.checkForClients()
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Why nothing is at a path, to be put in brackets behind a sentence that says so; `nil` if something is there.
    private static func missing(_ path: String) -> String? {
        guard access(path, F_OK) != 0 else { return nil }
        return errno == ENOENT ? "" : " (\(SystemCallError("look at", path: path).reason))"
    }

    /// The last folder before a pattern's first special character.
    private static func fixedFolder(of pattern: String) -> String {
        Directory.parent(of: String(pattern.prefix { !"*?[{".contains($0) }) + "x")
    }
}

/// Whether this user may use a state directory.
package enum StateDirectoryAccess {
    /// Why it may not: a sentence for people. `nil` if it may, or if the directory is not there.
    package static func obstacle(of path: String) -> String? {
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
