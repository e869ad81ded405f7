package import CoreMetrics
internal import GRPCServing
package import Logging
internal import MasterClients
package import TransportSecurity

/// Takes what nodes report to a console: arobust's own protocol (`ConsoleCalls`), and metrics from unmodified DLRover clients where no token is
/// wanted.
///
/// Beyond loopback a token is needed; on loopback without one the kernel says who calls, and only root and this process's own user may.
/// Requests and connections have the same bounds as at `DLRoverListener`.
package final class ConsoleListener: Sendable {
    /// One for each node, and those that reconnect.
    private static let mostConnections = 16384

    private let address: ConsoleAddress
    private let token: String?
    private let security: ServerSecurity?
    private let limits: ConnectionTable.Limits
    private let report: ConnectionReport
    private let calls: ConsoleCallHandler
    private let logger: Logger

    /// - Parameters:
    ///   - token: what callers must bring.
    ///   - security: what secures connections; `nil`: they are in plain text. Authorities of clients count as a token.
    ///   - connectionLimit: how many connections there may be at a time.
    /// - Throws: `ConsoleListenError` for an address beyond loopback where everybody could report.
    package init(
        address: ConsoleAddress, token: String?, security: ServerSecurity? = nil, intake: any ConsoleIntake,
        connectionLimit: Int, factory: any MetricsFactory, logger: Logger
    ) throws(ConsoleListenError) {
        let isClosed = token != nil || security?.wantsCertificates == true
        guard isClosed || address.isLoopback else {
            throw ConsoleListenError(
                address: address,
                reason:
                    "beyond loopback everybody could report, so it needs a token: give --token-file (or --tls-client-ca-file), or listen at 127.0.0.1"
            )
        }
        self.address = address
        self.token = token
        self.security = security
        limits = ConnectionTable.Limits(all: min(connectionLimit, Self.mostConnections))
        report = ConnectionReport(factory: factory, logger: logger)
        calls = ConsoleCallHandler(intake: intake, token: token, metrics: ConsoleCallMetrics(factory: factory))
        self.logger = logger
    }

    /// Listens until the task is cancelled, then takes no more calls and answers those that are under way, for up to 1 s. May be called once.
    ///
    /// - Parameter whenListening: told where it listens, once it does.
    /// - Throws: `ConsoleListenError` if it can't listen at the address, or can't any more.
    package func run(whenListening: @Sendable (ConsoleAddress) -> Void = { _ in }) async throws {
        // Who shows a certificate that was asked for is known by it, and not by the user that a socket belongs to.
        let callers: AllowedCallers = token == nil && security?.wantsCertificates != true ? .nobodyElse : .everyone
        let server = GRPCServer(
            limits: limits, doorkeeper: Doorkeeper(callers: try callers.resolve()), report: report, security: security
        ) {
            [calls] (call) async throws(GRPCStatus) in try await calls.answer(to: call)
        }
        do {
            guard case .tcp(let host, let port) = try await server.listen(at: address.place) else { return }
            let bound = ConsoleAddress(host: host, port: port)
            logger.info(
                "Taking reports.",
                metadata: [
                    "address": "\(bound.url(isSecure: security != nil))", "token": "\(token == nil ? "no" : "yes")",
                    "tls": "\(securityWord)",
                ])
            whenListening(bound)
        } catch {
            throw ConsoleListenError(address: address, reason: ConnectionErrorText.describe(error))
        }
        let serving = Task { await server.run() }
        await withTaskCancellationHandler {
            await serving.value
        } onCancel: {
            server.stop()
        }
        if !Task.isCancelled { throw ConsoleListenError(address: address, reason: "the socket was closed") }
    }
}

extension ConsoleListener {
    private var securityWord: String {
        guard let security else { return "no" }
        return security.wantsCertificates ? "yes, with certificates of clients" : "yes"
    }
}

/// The console cannot listen.
package struct ConsoleListenError: Error, CustomStringConvertible {
    package let address: ConsoleAddress
    /// The system's words, as "Address already in use", or what is missing.
    package let reason: String

    package var description: String { "cannot listen at \(address): \(reason)" }
}
