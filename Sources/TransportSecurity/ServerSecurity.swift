package import Logging
package import NIOCore
package import NIOSSL

/// What secures a listener: TLS 1.2 or newer with a certificate of its own, and where authorities are named only clients with one of theirs.
package final class ServerSecurity: Sendable {
    private let context: ReloadedContext
    /// Whether clients must show a certificate.
    package let wantsCertificates: Bool

    /// - Parameter files: the authorities are those of clients; without them clients need no certificate.
    /// - Throws: where the files cannot be used as they are now.
    package init(files: PEMFiles, protocols: [String], logger: Logger) throws(TransportSecurityError) {
        wantsCertificates = files.authorities != nil
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

    /// For the next connection: the files as they are now, or as they last could be used.
    package func currentContext() throws(TransportSecurityError) -> NIOSSLContext { try context.current() }

    /// Puts TLS in front of all other handlers, on the channel's event loop.
    package func secure(_ channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHandler(
            NIOSSLServerHandler(context: currentContext()), position: .first)
    }
}
