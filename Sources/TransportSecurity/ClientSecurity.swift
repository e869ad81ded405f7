package import Logging
package import NIOCore
internal import NIOSSL

/// What secures connections to a server: TLS 1.2 or newer, its certificate checked against authorities and its name.
package final class ClientSecurity: Sendable {
    private let context: ReloadedContext
    private let serverName: String?

    /// - Parameters:
    ///   - serverName: the name that the certificate must have; `nil`: the host's.
    ///   - protocols: by their names in ALPN: `h2`, `http/1.1`.
    package init(files: PEMFiles, serverName: String?, protocols: [String], logger: Logger) {
        self.serverName = serverName
        context = ReloadedContext(files: files, logger: logger) { (files) throws(TransportSecurityError) in
            guard (files.certificate == nil) == (files.key == nil) else {
                throw TransportSecurityError("a certificate needs its key, and a key its certificate")
            }
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            configuration.trustRoots = try files.trusted()
            configuration.certificateChain = try files.chain()
            configuration.privateKey = try files.privateKey()
            configuration.applicationProtocols = protocols
            return configuration
        }
    }

    /// Whether the files can be used as they are now. Blocks for as long as reading them takes.
    package func check() throws(TransportSecurityError) { _ = try context.current() }

    /// Whether a certificate is compared with the address of the connection, not with this name.
    package static func isAddress(_ name: String) -> Bool { (try? SocketAddress(ipAddress: name, port: 0)) != nil }

    /// Puts TLS in front of all other handlers; on the channel's event loop, before it is connected.
    ///
    /// - Parameter host: a name or an address.
    package func secure(_ channel: any Channel, host: String) throws {
        let name = serverName ?? host
        // An address is checked against those in the certificate, and is never sent as a name (RFC 6066).
        let isAddress = Self.isAddress(name)
        let (made, shownName, pipeline) = (
            try context.current(), isAddress ? nil : name, channel.pipeline.syncOperations
        )
        guard let check = made.check else {
            let handler = try NIOSSLClientHandler(context: made.context, serverHostname: shownName)
            return try pipeline.addHandler(handler, position: .first)
        }
        let refusal = RefusalHandler()
        // The name is still the library's to check.
        let handler = try NIOSSLClientHandler(
            context: made.context, serverHostname: shownName,
            customVerificationCallback: refusal.verify(with: check, isClient: false))
        try pipeline.addHandlers([handler, refusal], position: .first)
    }
}
