private import Glibc
internal import SystemSupport

extension MasterURL {
    /// Why nothing can be written to a `file:` master as things are now: a sentence. Opens nothing; `nil` if nothing speaks against it, and for
    /// masters of other kinds.
    package var obstacle: String? {
        guard case .file(let path) = target else { return nil }
        let resolved: String
        do throws(TrustedPathError) {
            resolved = try TrustedPath.resolve(path)
        } catch {
            return "\(error)"
        }
        let folder = Directory.parent(of: resolved)
        if let obstacle = PathLook.obstacle(ofFolder: folder) { return obstacle }
        switch PathLook(resolved) {
        case .missing: return PathLook.refusal(W_OK | X_OK, "make a file in", folder)
        case .hidden(let reason): return "cannot look at \(resolved): \(reason)"
        case .folder: return "it is a folder"
        case .special(let kind) where kind != PathLook.device: return "it is \(kind), not a file"
        case .regular, .special: return PathLook.refusal(R_OK | W_OK, "read and write", resolved)
        }
    }

    /// Whether both are `file:` masters that would write the same file, under one name or two.
    package func isSameFile(as other: MasterURL) -> Bool {
        guard case .file(let path) = target, case .file(let otherPath) = other.target else { return false }
        if let number = FileNumber(path: path, followsLinks: true) {
            return number == FileNumber(path: otherPath, followsLinks: true) && PathLook(path) == .regular
        }
        guard let resolved = try? TrustedPath.resolve(path) else { return false }
        return resolved == (try? TrustedPath.resolve(otherPath))
    }

    /// - Throws: `MasterClientOptionsError` where `makeReporter` would.
    package func check(_ options: MasterClientOptions) throws {
        try options.check()
    }
}
