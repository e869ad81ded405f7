internal import Logging
internal import NIOSSL
private import Synchronization

/// The library's form of some files, made again for the next connection once one of them has changed. From any thread; looking at the files
/// costs a system call for each.
final class ReloadedContext: Sendable {
    private struct State {
        var context: NIOSSLContext?
        var stamps: [PEMFiles.Stamp?] = []
        var problem: String?
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
    func current() throws(TransportSecurityError) -> NIOSSLContext {
        let stamps = files.stamps
        if let known = state.withLock({ $0.stamps == stamps ? $0.context : nil }) { return known }
        do throws(TransportSecurityError) {
            let context = try make()
            let isNew = state.withLock { state in
                defer { state = State(context: context, stamps: stamps) }
                return state.context != nil
            }
            if isNew { logger.info("New certificates are in use.") }
            return context
        } catch {
            // A certificate and its key are not replaced at one instant: the next connection tries again.
            let (old, isKnown) = state.withLock { state in
                defer { state.problem = error.description }
                return (state.context, state.problem == error.description)
            }
            guard let old else { throw error }
            if !isKnown {
                logger.error(
                    "The new certificates cannot be used; the old ones stay in use.", metadata: ["reason": "\(error)"])
            }
            return old
        }
    }

    private func make() throws(TransportSecurityError) -> NIOSSLContext {
        let configuration = try configure(files)
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw TransportSecurityError(
                "the certificate and the key cannot be used together: \(SecurityErrorText.describe(error) ?? "\(error)")"
            )
        }
    }
}
