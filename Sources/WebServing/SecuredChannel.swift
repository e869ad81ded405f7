internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import TransportSecurity

/// Puts TLS in front of what serves a connection. Hummingbird's own has the certificates that it was started with.
struct SecuredChannel<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    let security: ServerSecurity

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        channel.eventLoop.makeCompletedFuture { try security.secure(channel) }.flatMap {
            base.setup(channel: channel, logger: logger)
        }
    }

    func handle(value: Base.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}

extension HTTPServerBuilder {
    /// HTTP/1.1, in plain text where nothing secures it.
    static func secured(by security: ServerSecurity?, configuration: HTTP1Channel.Configuration) -> HTTPServerBuilder {
        guard let security else { return .http1(configuration: configuration) }
        return HTTPServerBuilder { responder in
            SecuredChannel(base: HTTP1Channel(responder: responder, configuration: configuration), security: security)
        }
    }
}
