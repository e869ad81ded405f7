package import Logging
private import Synchronization

/// The level from which on a process logs, which may change while it runs. All copies of its logger ask it.
package final class LogLevelSwitch: Sendable {
    private let current: Mutex<Logger.Level>

    package init(_ level: Logger.Level) {
        current = Mutex(level)
    }

    package var level: Logger.Level {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }
}
