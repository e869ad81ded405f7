private import Glibc
internal import JetStream
internal import Logging
package import SystemSupport
package import TransportSecurity

extension MasterURL {
    /// Why nothing can be written to a `file:` master as things are now, or why streams cannot be reached from this machine: a sentence. Opens
    /// nothing; `nil` if nothing speaks against it, and for masters of other kinds.
    package var obstacle: String? {
        if isStream { return JetStreamLibrary.obstacle }
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

    /// What is one file, under however many names.
    package enum FileIdentity: Hashable, Sendable {
        case number(FileNumber)
        /// One that is not there yet, with its links followed.
        case path(String)
    }

    /// The file that a `file:` master writes: two masters with the same one would write one file. `nil` for masters of other kinds, and for
    /// what is there and no regular file.
    package var fileIdentity: FileIdentity? {
        guard case .file(let path) = target else { return nil }
        if let number = FileNumber(path: path, followsLinks: true) {
            return PathLook(path) == .regular ? .number(number) : nil
        }
        return (try? TrustedPath.resolve(path)).map(FileIdentity.path)
    }

    /// - Throws: `MasterClientOptionsError` where `makeReporter` would.
    package func check(_ options: MasterClientOptions) throws {
        try options.check()
    }
}

extension MasterURL {
    /// What secures connections to this master; `nil` if its URL says that they are in plain text.
    func security(_ options: MasterTLSOptions, logger: Logger) -> ClientSecurity? {
        guard isSecure else { return nil }
        let files = PEMFiles(
            authorities: options.authoritiesPath, certificate: options.certificatePath, key: options.keyPath,
            revocations: options.revocationsPath)
        let isHTTP =
            switch target {
            case .dlroverHTTP, .otlpHTTP: true
            default: false
            }
        return ClientSecurity(
            files: files, serverName: options.serverName, protocols: [isHTTP ? "http/1.1" : "h2"], logger: logger)
    }

    /// The host of a master on the network that is one host; `nil` for others.
    package var host: String? {
        switch target {
        case .dlroverGRPC(let host, _), .dlroverHTTP(let host, _), .console(let host, _), .otlpGRPC(let host, _),
            .otlpHTTP(let host, _, _):
            host
        case .jetStream, .file, .standardOutput: nil
        }
    }

    /// Whether the files for TLS can be used as they are now; they are read again when they change. Blocks for as long as that takes.
    package func checkSecurity(_ options: MasterTLSOptions) throws(TransportSecurityError) {
        try security(options, logger: Logger(label: "arobust.master"))?.check()
    }
}
