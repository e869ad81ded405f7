internal import DLRoverListener
internal import Glibc
internal import Monitoring
internal import SystemSupport
internal import Logging
internal import TransportSecurity

/// `http`: where agent, collect and bridge show how they are.
package struct HTTPSettings: Sendable {
    package let listen = Setting(
        "http.listen", .text,
        "where to show /metrics, /healthz, /readyz and /status: 127.0.0.1:9090 or unix:/path; not set: nowhere")
    package let tokenFile = Setting(
        "http.token-file", .text,
        "a file whose first line callers must bring (Authorization: Bearer); needed beyond loopback, or http.tls-client-ca-file"
    )
    package let tlsCertificateFile = Setting(
        "http.tls-certificate-file", .text,
        "the certificate to show there, as PEM, with those between it and its authority: all is over TLS then; not set: plain text"
    )
    package let tlsKeyFile = Setting(
        "http.tls-key-file", .text, "its key, as PEM, without a passphrase; nobody else may read it")
    package let tlsClientCAFile = Setting(
        "http.tls-client-ca-file", .text,
        "authorities of callers' certificates, as PEM: whoever shows none may not ask, not even /healthz; not set: callers need none"
    )
    package let tlsRevocationFile = Setting(
        "http.tls-revocation-file", .text,
        "lists of the certificates that these authorities have revoked (CRLs), as PEM; not set: none")
}

extension AgentSettings {
    /// Where the process shows how it is; `nil`: nowhere.
    func monitorAddress() throws(SettingsError) -> MonitorAddress? {
        guard let text = values[\.http.listen] else { return nil }
        guard let address = MonitorAddress(text) else {
            throw SettingsError(
                place: place(of: \.http.listen),
                reason: "http.listen is '\(SecretText.line(text))'; it must be \(MonitorAddress.rule)")
        }
        let asksWho = values[\.http.tokenFile] ?? values[\.http.tlsClientCAFile]
        guard !address.isBeyondLoopback || asksWho != nil else {
            throw SettingsError(
                place: place(of: \.http.listen),
                reason:
                    "http.listen is \(address), which is beyond loopback: everybody there could read it without http.token-file or http.tls-client-ca-file"
            )
        }
        return address
    }

    /// What secures the server; `nil`: answers are in plain text. Reads the files.
    func monitorSecurity(logger: Logger) throws(SettingsError) -> ServerSecurity? {
        guard let address = try monitorAddress() else { return nil }
        let files = PEMFiles(
            authorities: values[\.http.tlsClientCAFile], certificate: values[\.http.tlsCertificateFile],
            key: values[\.http.tlsKeyFile], revocations: values[\.http.tlsRevocationFile])
        guard files != PEMFiles() else { return nil }
        guard address.path == nil else {
            throw SettingsError(
                place: "http.tls-*", reason: "http.listen is \(address): a Unix socket has no TLS, nor needs it")
        }
        do throws(TransportSecurityError) {
            return try ServerSecurity(files: files, protocols: ["http/1.1"], logger: logger)
        } catch {
            throw SettingsError(place: "http.tls-*", reason: "\(error)")
        }
    }

    /// What an operator should know about where the process shows how it is.
    var monitorWarnings: [String] {
        guard let address = try? monitorAddress(), address.isBeyondLoopback,
            values[\.http.tlsCertificateFile] == nil
        else { return [] }
        return [
            "\(place(of: \.http.listen)): the token and the answers can be read on the way to \(address): set http.tls-certificate-file and http.tls-key-file"
        ]
    }

    /// What callers must bring. Reads the file.
    func monitorToken() throws(SettingsError) -> String? {
        guard let path = values[\.http.tokenFile] else { return nil }
        do throws(TokenFileError) {
            return try TokenFile(path: path).read()
        } catch {
            throw SettingsError(place: place(of: \.http.tokenFile), reason: "\(error)")
        }
    }

    /// Looks for what would keep the server from its address, without listening. One that is in use now may be so by the agent whose settings
    /// these are.
    func checkMonitor() throws {
        guard let address = try monitorAddress() else { return }
        _ = try monitorToken()
        _ = try monitorSecurity(logger: Logger(label: "arobust.http"))
        if let path = address.path {
            do throws(UnixListenerError) {
                try UnixListener.check(path)
            } catch {
                throw StartObstacle(description: "cannot listen at \(address): \(error)")
            }
        } else if let (host, port) = address.network, let code = ListenAddress.bindError(host, port),
            code != EADDRINUSE
        {
            throw StartObstacle(description: "cannot listen at \(address): \(SystemCallError.text(code))")
        }
    }
}
