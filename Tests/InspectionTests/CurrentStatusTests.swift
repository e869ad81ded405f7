import Diagnosis
@testable import Inspection
import SystemSupport
import TestSupport
import Testing
import ZMQBridge

@Suite(.timeLimit(.minutes(1))) struct CurrentStatusTests {
    private let folder = ScratchFolder()

    @Test func withoutAPublisherTheFilesAreRead() async throws {
        let scratch = try ScratchJournal(in: folder)
        try scratch.append("A", 1...3)
        scratch.close()
        let status = try await PublisherStatus.current(
            of: StateDirectory(path: scratch.path), consumers: folder.file("none"))
        #expect(status.publisher == ScratchJournal.publisher)
        #expect(status.lanes.map(\.retained) == [3])
        #expect(status.consumers.isEmpty)
    }

    @Test func whileAPublisherRunsNoConsumersFileIsOpened() async throws {
        let scratch = try ScratchJournal(in: folder)
        let directory = try StateDirectory(path: scratch.path)
        let lock = try FileLock.tryTake(scratch.path + "/publisher.lock")
        guard case .taken(let lock) = lock else { throw CancellationError() }
        await #expect(throws: StateDirectoryError.self) {
            try await PublisherInspection(directory).readFiles { _ in
                Issue.record("the consumers were asked for")
                return []
            }
        }
        withExtendedLifetime(lock) {}
    }

    @Test func withoutAnyPublisherThereIsAnError() async throws {
        let error = await #expect(throws: InspectionError.self) {
            try await PublisherStatus.current(of: StateDirectory(path: folder.path), consumers: folder.path)
        }
        #expect(error?.message == "no publisher has ever used the state directory \(folder.path)")
    }
}
