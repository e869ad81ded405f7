internal import DLRoverListener
internal import Glibc
internal import Monitoring
internal import SystemSupport

/// `http`: where agent, collect and bridge show how they are.
package struct HTTPSettings: Sendable {
    package let listen = Setting(
        "http.listen", .text,
        "where to show /metrics, /healthz, /readyz and /status: 127.0.0.1:9090 or unix:/path; not set: nowhere")
    package let tokenFile = Setting(
        "http.token-file", .text,
        "a file whose first line callers must bring (Authorization: Bearer); needed beyond loopback")
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
        guard !address.isBeyondLoopback || values[\.http.tokenFile] != nil else {
            throw SettingsError(
                place: place(of: \.http.listen),
                reason:
                    "http.listen is \(address), which is beyond loopback: everybody there could read it without http.token-file"
            )
        }
        return address
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
