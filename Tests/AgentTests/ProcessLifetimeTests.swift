import Glibc
import Logging
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Agent

/// With signals that nobody else uses, and without the end of the process. Each test has a signal to itself: Dispatch would not notice one
/// whose last source has just gone.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ProcessLifetimeTests {
    private let log = LogCapture()
    private let events = Events()

    private func lifetime(
        signal: CInt = SIGPWR, deadline: Duration = .seconds(3600), grace: Duration = .seconds(3)
    ) -> ProcessLifetime {
        ProcessLifetime(
            deadline: deadline, grace: grace, signals: [signal], exit: { [events] in events.add("exit \($0)") },
            logger: log.logger)
    }

    /// A service that says when it has begun to end.
    private func service(_ name: String, whenStarted: @escaping @Sendable () -> Void = {}) -> any Service {
        CancelledService(name) { [events] in
            whenStarted()
            try? await Task.sleep(for: .seconds(3600))
            events.add(name)
        }
    }

    @Test func aSignalEndsTheServicesInReverse() async throws {
        try await lifetime(signal: SIGUSR1).run([service("a"), service("b"), service("c") { kill(getpid(), SIGUSR1) }])
        #expect(events.all == ["c", "b", "a"])
        #expect(log.messages == ["Stopping: collecting ends, and what is held is sent."])
    }

    @Test func afterAHangUpTheServicesEndInOrderAndYetItIsAFailure() async throws {
        var lifetime = lifetime(signal: SIGCONT)
        lifetime.hangUp = SIGCONT
        await #expect(throws: HangUpError.self) {
            try await lifetime.run([service("a"), service("b") { kill(getpid(), SIGCONT) }])
        }
        #expect(events.all == ["b", "a"])
    }

    @Test func aSecondSignalEndsTheProcessAtOnce() async throws {
        let stubborn = CancelledService("stubborn") {
            kill(getpid(), SIGUSR2)
            try? await Task.sleep(for: .seconds(3600))
            kill(getpid(), SIGUSR2)
            while events.all.isEmpty { await pause() }
        }
        try await lifetime(signal: SIGUSR2).run([stubborn])
        #expect(events.all == ["exit \(128 + SIGUSR2)"])
    }

    @Test func whatIsBlockedDoesNotKeepTheProcess() async throws {
        let blocked = CancelledService("blocked") {
            kill(getpid(), SIGWINCH)
            while events.all.isEmpty { await pause() }
        }
        // The group has given up on the service by the time it ends.
        try? await lifetime(signal: SIGWINCH, deadline: .zero, grace: .milliseconds(20)).run([blocked])
        #expect(events.all == ["exit 1"])
        #expect(log.messages.last == "Something is blocked and did not end in time; ending without it.")
    }

    @Test func aServiceThatIsDoneEndsTheOthers() async throws {
        try await lifetime().run([service("publisher"), CancelledService("tap") {}])
        #expect(events.all == ["publisher"])
        #expect(log.messages.isEmpty)
    }

    @Test func aServiceThatFailsEndsTheOthersAndIsThrown() async throws {
        struct Failure: Error {}
        await #expect(throws: Failure.self) {
            try await lifetime().run([service("other"), CancelledService("bad") { throw Failure() }])
        }
        #expect(events.all == ["other"])
    }

    /// A moment, also in a task that is cancelled.
    private func pause() async {
        await Task { try? await Task.sleep(for: .milliseconds(1)) }.value
    }

    private final class Events: Sendable {
        private let names = Mutex<[String]>([])

        var all: [String] { names.withLock { $0 } }
        func add(_ name: String) { names.withLock { $0.append(name) } }
    }
}
