internal import NIOCore
internal import NIOSSL

/// Stands behind TLS, and says why a certificate was refused in place of the library's error, which only says that it was. On one event loop.
final class RefusalHandler: ChannelInboundHandler {
    typealias InboundIn = Any

    private var sentence: String?

    /// What the library calls with the peer's certificates, in place of its own check.
    ///
    /// - Parameter onRefusal: is told the sentence.
    func verify(
        with check: RevocationCheck, isClient: Bool, onRefusal: @escaping (String) -> Void = { _ in }
    ) -> NIOSSLCustomVerificationCallback {
        { certificates, result in
            guard let problem = check.problem(of: certificates, isClient: isClient) else {
                return result.succeed(.certificateVerified)
            }
            self.sentence = problem
            onRefusal(problem)
            result.succeed(.failed)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let sentence, error is NIOSSLError else { return context.fireErrorCaught(error) }
        context.fireErrorCaught(TransportSecurityError("TLS: \(sentence)"))
    }
}
