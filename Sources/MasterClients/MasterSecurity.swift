internal import Logging
package import TransportSecurity

extension MasterURL {
    /// What secures connections to this master; `nil` if its URL says that they are in plain text.
    func security(_ options: MasterTLSOptions, logger: Logger) -> ClientSecurity? {
        guard isSecure else { return nil }
        let files = PEMFiles(
            authorities: options.authoritiesPath, certificate: options.certificatePath, key: options.keyPath)
        let isHTTP = if case .dlroverHTTP = target { true } else { false }
        return ClientSecurity(
            files: files, serverName: options.serverName, protocols: [isHTTP ? "http/1.1" : "h2"], logger: logger)
    }

    /// Whether the files for TLS can be used as they are now; they are read again when they change. Blocks for as long as that takes.
    package func checkSecurity(_ options: MasterTLSOptions) throws(TransportSecurityError) {
        try security(options, logger: Logger(label: "arobust.master"))?.check()
    }
}
