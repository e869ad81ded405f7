import Glibc
import Logging
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Agent

@Suite(.timeLimit(.minutes(1))) struct ParentWatchTests {
    private let log = LogCapture()

    @Test func itReturnsOnceTheParentIsAnotherOne() async throws {
        let asked = Atomic(0)
        let watch = ParentWatch(
            parent: 42, current: { asked.add(1, ordering: .relaxed).newValue < 3 ? 42 : 1 }, logger: log.logger)
        try await watch.run()
        #expect(asked.load(ordering: .relaxed) == 3)
        #expect(log.messages == ["The parent process is gone, so this one ends."])
    }

    @Test func aParentThatWasGoneBeforeTheStartIsNoticed() async throws {
        try await ParentWatch(parent: 42, current: { 1 }, logger: log.logger).run()
        #expect(log.messages.count == 1)
    }

    /// The tests' own parent lives.
    @Test func withItsParentItRunsUntilTheShutdownAndSaysNothing() async throws {
        let group = ServiceGroup(
            services: [ParentWatch(parent: Int(getppid()), logger: log.logger)],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(log.messages.isEmpty)
    }
}
