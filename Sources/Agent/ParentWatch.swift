private import Glibc
internal import Logging
internal import ServiceLifecycle

/// Ends the process, as SIGTERM would, once the program that started it is gone (`parent-pid`): also when that was killed and could say nothing.
///
/// The parent is asked for instead of a signal being ordered (`PR_SET_PDEATHSIG`), which Linux sends already at the end of the *thread* that
/// started the process.
struct ParentWatch: Service {
    /// How long the process may outlive its parent before it notices.
    static let interval: Duration = .milliseconds(250)

    let parent: Int
    var current: @Sendable () -> Int = { Int(getppid()) }
    let logger: Logger

    /// Returns when the parent is another process than the one expected, which ends the services around it.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            while current() == parent {
                do { try await Task.sleep(for: Self.interval) } catch { return }
            }
            logger.notice("The parent process is gone, so this one ends.", metadata: ["parent": "\(parent)"])
        }
    }
}
