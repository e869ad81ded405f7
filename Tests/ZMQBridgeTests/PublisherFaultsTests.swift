import Foundation
import Glibc
import TestSupport
import Testing

@testable import ZMQBridge

/// What a running publisher says of itself when its files are taken away.
@Suite(.timeLimit(.minutes(1))) struct PublisherFaultsTests {
    private let scratch = ScratchFolder()

    private func faults(after change: (MetricPublisher) throws -> Void) async throws -> [String] {
        let directory = try scratch.stateDirectory()
        let publisher = try await MetricPublisher.open(in: directory)
        return try await withThrowingTaskGroup { group in
            group.addTask { try await publisher.run() }
            defer { group.cancelAll() }
            let inspection = PublisherInspection(directory)
            var before: PublisherStatus?
            try await eventually {
                before = try await inspection.ask()
                return before != nil
            }
            #expect(before?.faults == nil)
            try change(publisher)
            var faults: [String] = []
            try await eventually {
                faults = try await inspection.ask()?.faults ?? []
                return !faults.isEmpty
            }
            return faults
        }
    }

    @Test func aSocketThatWasRemoved() async throws {
        let faults = try await faults { unlink($0.directory.publishSocket) }
        let path = try scratch.stateDirectory().publishSocket
        #expect(
            faults == [
                "other programs no longer find the publisher: \(path) was removed or replaced while it ran; start it again"
            ])
    }

    @Test func aSocketThatWasReplaced() async throws {
        let faults = try await faults { publisher in
            unlink(publisher.directory.publishSocket)
            try Data().write(to: URL(fileURLWithPath: publisher.directory.publishSocket))
        }
        #expect(faults.count == 1)
    }

    @Test func aLedgerThatCanNotBeSaved() async throws {
        let faults = try await faults { publisher in
            unlink(publisher.directory.ledgerFile)
            mkdir(publisher.directory.ledgerFile, 0o700)
            // Without news there is nothing to save.
            try publisher.publish([.log("a")])
        }
        #expect(faults.first?.hasPrefix("the publisher's ledger can't be saved: cannot rename") == true)
    }
}
