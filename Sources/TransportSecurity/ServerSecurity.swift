package import Logging
package import NIOCore
internal import NIOSSL

/// What secures a listener: TLS 1.2 or newer with a certificate of its own, and where authorities are named only clients with one of theirs.
package final class ServerSecurity: Sendable {
    private let context: ReloadedContext
    private let logger: Logger
    /// Whether clients must show a certificate.
    package let wantsCertificates: Bool

    /// - Parameter files: the authorities are those of clients; without them clients need no certificate.
    /// - Throws: where the files cannot be used as they are now.
    package init(files: PEMFiles, protocols: [String], logger: Logger) throws(TransportSecurityError) {
        wantsCertificates = files.authorities != nil
        self.logger = logger
        context = ReloadedContext(files: files, logger: logger) { (files) throws(TransportSecurityError) in
            guard let key = try files.privateKey(), files.certificate != nil else {
                throw TransportSecurityError("a listener needs a certificate and its key")
            }
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: try files.chain(), privateKey: key)
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = protocols
            if files.authorities != nil {
                configuration.trustRoots = try files.trusted()
                // A client has no name that could be checked.
                configuration.certificateVerification = .noHostnameVerification
            }
            return configuration
        }
        _ = try context.current()
    }

    /// Puts TLS in front of all other handlers, on the channel's event loop.
    package func secure(_ channel: any Channel) throws {
        let (made, pipeline) = (try context.current(), channel.pipeline.syncOperations)
        guard let check = made.check else {
            return try pipeline.addHandler(NIOSSLServerHandler(context: made.context), position: .first)
        }
        let (refusal, logger) = (RefusalHandler(), logger)
        let client = channel.remoteAddress?.ipAddress ?? "unknown"
        let handler = NIOSSLServerHandler(
            context: made.context,
            customVerificationCallback: refusal.verify(with: check, isClient: true) { sentence in
                // Or a list that has ended would look like a network that is broken. Lines are few: docs/security.md.
                logger.warning("A client was refused.", metadata: ["client": "\(client)", "reason": "\(sentence)"])
            })
        try pipeline.addHandlers([handler, refusal], position: .first)
    }
}
