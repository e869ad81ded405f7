private import Glibc
private import SystemPackage

/// What is at a path, as this user sees it, for sentences about what settings name. Follows links.
package enum PathLook: Hashable, Sendable {
    case missing
    case regular
    case folder
    /// Something that is neither: `a named pipe`.
    case special(String)
    /// It can't be looked at; the system's reason.
    case hidden(String)

    package init(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            self = errno == ENOENT ? .missing : .hidden(SystemCallError("look at", path: path).reason)
            return
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: self = .regular
        case S_IFDIR: self = .folder
        case S_IFIFO: self = .special("a named pipe")
        case S_IFSOCK: self = .special("a socket")
        default: self = .special(Self.device)
        }
    }

    package static let device = "a device"

    /// What it is, to follow the path and "is"; `nil` where nothing can be said.
    package var kind: String? {
        switch self {
        case .regular: "a file"
        case .folder: "a folder"
        case .special(let kind): kind
        case .missing, .hidden: nil
        }
    }

    /// Why there is no folder at a path: a sentence; `nil` if there is one.
    package static func obstacle(ofFolder folder: String) -> String? {
        switch PathLook(folder) {
        case .missing: "there is no folder \(folder)"
        case .hidden(let reason): "cannot look at the folder \(folder): \(reason)"
        case .regular, .special: "\(folder) is no folder"
        case .folder: nil
        }
    }

    /// Why this user may not do something with a path: a sentence; `nil` if it may.
    ///
    /// - Parameters:
    ///   - mode: `R_OK`, `W_OK`, `X_OK`.
    ///   - verb: what the mode stands for, after "may not".
    package static func refusal(_ mode: CInt, _ verb: String, _ path: String) -> String? {
        // As the effective user, whose right counts.
        guard faccessat(AT_FDCWD, path, mode, AT_EACCESS) != 0 else { return nil }
        let error = SystemCallError(verb, path: path)
        return error.code == .permissionDenied ? "user \(geteuid()) may not \(verb) \(path)" : "\(error)"
    }
}

extension Directory {
    /// Why the folder could not be made, or used if it is there, by this user: a sentence; `nil` if nothing speaks against it. Makes nothing.
    package var obstacleToMaking: String? {
        var current = path
        while current != "/", current != ".", PathLook(current) == .missing { current = Directory.parent(of: current) }
        switch PathLook(current) {
        case .hidden(let reason): return "cannot look at \(current): \(reason)"
        case .regular, .special: return "\(current) is no folder"
        case .missing, .folder: break
        }
        if let refusal = PathLook.refusal(W_OK | X_OK, "write to the folder", current) { return refusal }
        // Whatever its mode, nobody can make anything there.
        guard current != path, current == "/proc" || current.hasPrefix("/proc/") else { return nil }
        return "no folder can be made in \(current)"
    }
}
