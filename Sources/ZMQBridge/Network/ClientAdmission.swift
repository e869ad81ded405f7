internal import Logging
private import Synchronization
internal import SystemSupport

/// Decides which clients of the network come in, by the file of their public keys, and counts those that don't. May be used from any thread.
final class ClientAdmission: Sendable {
    private struct State {
        var file: AuthorizedKeysFile
        var keys: AuthorizedKeys
        var refused: UInt64 = 0
        var lastLook = ContinuousClock.now
        var problems = ProblemLog()
    }

    /// How long the file is not looked at again for a key that is not in it.
    private static let pause: Duration = .milliseconds(200)

    private let state: Mutex<State>
    /// Held during a look at the file, so that an older one never comes after a newer one.
    private let looking = Mutex(())
    private let logger: Logger

    init(_ keys: AuthorizedKeys, of file: AuthorizedKeysFile, logger: Logger) {
        state = Mutex(State(file: file, keys: keys))
        self.logger = logger
    }

    /// How many clients were refused for their keys, and how many keys are authorized.
    var counts: (refused: UInt64, keys: Int) { state.withLock { ($0.refused, $0.keys.names.count) } }

    /// Answers libzmq about a client. A key that was written into the file a moment ago counts.
    ///
    /// - Parameter onRevocation: called where the look at the file shows that somebody may come in no more.
    func answer(_ request: ZAPRequest, onRevocation: () -> Void) -> ZAPAnswer {
        if let name = name(of: request.key) { return .welcome(name: name) }
        if state.withLock({ $0.lastLook.duration(to: .now) > Self.pause }) {
            if look() { onRevocation() }
            if let name = name(of: request.key) { return .welcome(name: name) }
        }
        state.withLock { $0.refused += 1 }
        logger.warning(
            "A client of the network was refused: its key is not authorized.",
            metadata: [
                "address": "\(TerminalText.line(request.address, limit: 64))",
                "key": "\(request.key?.beginning ?? "none")",
            ])
        return .refused("the key is not authorized")
    }

    private func name(of key: CurveKey?) -> String? {
        key.flatMap { key in state.withLock { $0.keys.names[key] } }
    }

    /// Reads another file from now on.
    ///
    /// - Returns: whether somebody may come in no more.
    func change(to path: String) -> Bool {
        state.withLock { $0.file = AuthorizedKeysFile(path: path) }
        return look()
    }

    /// Reads the file again. One that is gone lets nobody in; one that can't be read changes nothing; of one with wrong lines the others count.
    ///
    /// - Returns: whether somebody may come in no more.
    func look() -> Bool { looking.withLock { _ in takeFile() } }

    private func takeFile() -> Bool {
        let file = state.withLock { state in
            state.lastLook = .now
            return state.file
        }
        let found: AuthorizedKeys?
        do throws(CurveError) {
            found = try file.read()
        } catch {
            report("\(error); those that were authorized before still are")
            return false
        }
        report(found.map(\.faults.first) ?? "there is no file \(file.path): nobody is let in")
        let new = found ?? AuthorizedKeys()
        let old = state.withLock { state in
            defer { state.keys = new }
            return state.keys
        }
        guard old.names != new.names else { return false }
        let isRevocation = new.hasRevoked(since: old)
        logger.notice(
            "The authorized keys of the bus have changed.",
            metadata: ["keys": "\(new.names.count)", "revoked": "\(isRevocation ? "some" : "none")"])
        return isRevocation
    }

    private func report(_ problem: String?) {
        guard let problem else {
            if state.withLock({ $0.problems.solve() }) { logger.notice("The authorized keys are right again.") }
            return
        }
        guard state.withLock({ $0.problems.shouldReport(problem, once: true) }) else { return }
        logger.error("Something is wrong with the authorized keys of the bus.", metadata: ["problem": "\(problem)"])
    }
}
