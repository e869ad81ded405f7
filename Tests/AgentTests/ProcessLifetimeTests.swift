import Glibc
import Logging
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Agent

/// With signals that nobody else uses, and without the end of the process.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ProcessLifetimeTests {
    private let log = LogCapture()
    private let events = Events()

    private func lifetime(
        signal: CInt = SIGUSR1, deadline: Duration = .seconds(3600), grace: Duration = .seconds(3)
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
        try await lifetime().run([service("a"), service("b"), service("c") { kill(getpid(), SIGUSR1) }])
        #expect(events.all == ["c", "b", "a"])
        #expect(log.messages == ["Stopping: collecting ends, and what is held is sent."])
    }

    @Test func aSecondSignalEndsTheProcessAtOnce() async throws {
        let stubborn = CancelledService("stubborn") { [events] in
            kill(getpid(), SIGUSR1)
            try? await Task.sleep(for: .seconds(3600))
            kill(getpid(), SIGUSR1)
            while events.all.isEmpty { await Task.yield() }
        }
        try await lifetime().run([stubborn])
        #expect(events.all == ["exit \(128 + SIGUSR1)"])
    }

    @Test func whatIsBlockedDoesNotKeepTheProcess() async throws {
        let blocked = CancelledService("blocked") { [events] in
            kill(getpid(), SIGUSR1)
            while events.all.isEmpty { await Task.yield() }
        }
        // The group has given up on the service by the time it ends.
        try? await lifetime(deadline: .zero, grace: .milliseconds(20)).run([blocked])
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

    private final class Events: Sendable {
        private let names = Mutex<[String]>([])

        var all: [String] { names.withLock { $0 } }
        func add(_ name: String) { names.withLock { $0.append(name) } }
    }
}
