import Diagnosis
import Foundation
import Glibc
import Testing
import TestSupport

@testable import ZMQBridge

/// Whose state directories consumers and commands use, as root sees it.
@Suite(.enabled(if: geteuid() == 0, "needs root, to make files of other users"), .timeLimit(.minutes(1)))
struct ClientAccessTests {
    private let scratch = ScratchFolder()
    private let stranger: uid_t = 12_345

    private func give(_ path: String, to user: uid_t) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
            give(path + "/" + name, to: user)
        }
        lchown(path, user, user)
    }

    @Test func aStrangersDirectoryInAFolderForAllIsNotUsed() async throws {
        let directory = try scratch.stateDirectory("state")
        #expect(try directory.checkForClients() == nil)
        mkdir(directory.path, 0o750)
        #expect(try directory.checkForClients() == 0)
        chown(directory.path, stranger, stranger)
        #expect(try directory.checkForClients() == stranger, "root has made room for that user")
        chmod(scratch.path, 0o1777)
        let error = #expect(throws: StateDirectoryError.self) { try directory.checkForClients() }
        let text = "\(try #require(error))"
        #expect(text.contains("is not used: \(directory.path) belongs to user 12345"), "\(text)")
        let inspection = PublisherInspection(directory)
        await #expect(throws: StateDirectoryError.self) { try await inspection.readFiles() }
        await #expect(throws: StateDirectoryError.self) { try await inspection.ask(timeout: .milliseconds(1)) }
        await #expect(throws: StateDirectoryError.self) { try await inspection.forgetInFiles("x") }
        #expect(throws: StateDirectoryError.self) { try inspection.holder() }
        #expect(throws: StateDirectoryError.self) { try inspection.publisher() }
        #expect(throws: StateDirectoryError.self) { _ = try IngestClient(directory: directory) }
        #expect(BusEndpoint(directory).obstacle == text)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }

    @Test func lookingAtAnotherUsersDirectoryMakesNoFileInIt() async throws {
        let directory = try scratch.stateDirectory("state")
        let id = try await {
            let publisher = try await MetricPublisher.open(in: directory)
            try publisher.publish([.log("x")])
            return publisher.id
        }()
        unlink(directory.lockFile)
        give(directory.path, to: stranger)
        let before = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        #expect(try await PublisherInspection(directory).readFiles().publisher == id.description)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == before)
    }

    @Test func nothingIsReadOfAPublisherThatCouldBeAStrangers() async throws {
        let directory = try scratch.stateDirectory("state")
        chmod(scratch.path, 0o1777)
        mkdir(directory.path, 0o750)
        chown(directory.path, stranger, stranger)
        await #expect(throws: StateDirectoryError.self) {
            try await withSubscriber([BusEndpoint(directory)], waitForPublishers: false) { subscriber, received in
                rmdir(directory.path)
                let publisher = try await MetricPublisher.open(in: directory)
                try await withBeat(of: publisher) {
                    await subscriber.wait { $0.connections.allSatisfy { $0.publisher != nil } }
                    try publisher.publish([.log("ours")])
                    try await eventually { received.contents == ["ours"] }
                    chown(directory.path, stranger, stranger)
                    try publisher.publish([.log("theirs")])
                    // It ends.
                    await subscriber.wait { _ in false }
                    chown(directory.path, 0, 0)
                    #expect(received.contents == ["ours"])
                }
            }
        }
    }
}
