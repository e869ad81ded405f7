internal import Logging
internal import NIOSSL
private import Synchronization
internal import SystemSupport

/// The library's form of some files, made again for the next connection once one of them has changed. From any thread; looking at the files
/// costs a system call for each.
final class ReloadedContext: Sendable {
    /// What one connection is secured with.
    struct Made: Sendable {
        let context: NIOSSLContext
        /// What checks the peer's certificates in the library's place; `nil`: the library does.
        let check: RevocationCheck?
    }

    private struct State {
        var made: Made?
        var stamps: [PEMFiles.Stamp?] = []
        var problem: String?
        /// Whether a list of revoked certificates had ended already.
        var hasEnded = false

        /// A list that ends is like a new file: clients must not come back by sessions that began before.
        func isCurrent(_ stamps: [PEMFiles.Stamp?], now: Int64) -> Bool {
            self.stamps == stamps && hasEnded == made.map { ReloadedContext.hasEnded($0.check, now) }
        }
    }

    private let files: PEMFiles
    private let logger: Logger
    private let configure: @Sendable (PEMFiles) throws(TransportSecurityError) -> TLSConfiguration
    private let state = Mutex(State())

    init(
        files: PEMFiles, logger: Logger,
        configure: @escaping @Sendable (PEMFiles) throws(TransportSecurityError) -> TLSConfiguration
    ) {
        self.files = files
        self.logger = logger
        self.configure = configure
    }

    /// - Throws: only where there has never been one: new files that cannot be used leave the old ones in use, which the log says once.
    func current() throws(TransportSecurityError) -> Made {
        let (stamps, now) = (files.stamps, WallClock.seconds())
        if let known = state.withLock({ $0.isCurrent(stamps, now: now) ? $0.made : nil }) { return known }
        do throws(TransportSecurityError) {
            let made = try make()
            let hasEnded = Self.hasEnded(made.check, now)
            let isNew = state.withLock { state in
                defer { state = State(made: made, stamps: stamps, hasEnded: hasEnded) }
                return state.made != nil && state.stamps != stamps
            }
            if isNew { logger.info("New certificates are in use.") }
            if hasEnded, let path = files.revocations {
                logger.error(
                    "A list of revoked certificates has ended: all certificates of its authority are refused. Put a new one there (openssl ca -gencrl).",
                    metadata: ["file": "\(path)", "ended": "\(TimeText.write(made.check?.end ?? 0))"])
            }
            return made
        } catch {
            // A certificate and its key are not replaced at one instant: the next connection tries again.
            let (old, isKnown) = state.withLock { state in
                defer { state.problem = error.description }
                return (state.made, state.problem == error.description)
            }
            guard let old else { throw error }
            if !isKnown {
                logger.error(
                    "The new certificates cannot be used; the old ones stay in use.", metadata: ["reason": "\(error)"])
            }
            return old
        }
    }

    private static func hasEnded(_ check: RevocationCheck?, _ now: Int64) -> Bool {
        check.map { $0.end <= now } ?? false
    }

    private func make() throws(TransportSecurityError) -> Made {
        let configuration = try configure(files)
        let check = try files.revocationCheck()
        do {
            return Made(context: try NIOSSLContext(configuration: configuration), check: check)
        } catch {
            throw TransportSecurityError(
                "the certificate and the key cannot be used together: \(SecurityErrorText.describe(error) ?? "\(error)")"
            )
        }
    }
}
