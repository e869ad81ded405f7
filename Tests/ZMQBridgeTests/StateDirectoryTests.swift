import Diagnosis
import Foundation
import Testing
import TestSupport

@testable import ZMQBridge

@Suite struct StateDirectoryTests {
    private func mode(of path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    @Test func refusesAPathThatIsTooLongAndNamesTheLimit() throws {
        let fits = "/" + String(repeating: "x", count: 107 - "/replay.sock".count - 1)
        #expect(try StateDirectory(path: fits).replaySocket.utf8.count == 107)
        let error = try #require(throws: StateDirectoryError.self) { _ = try StateDirectory(path: fits + "x") }
        #expect("\(error)".contains("may have 95"))
    }

    @Test func makesADirectoryThatOnlyItsOwnerMayEnter() throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory("a/b")
        try directory.prepare()
        #expect(try mode(of: directory.path) == 0o700)
    }

    @Test func makesAnEmptyOpenDirectoryPrivateAndLetsAGroupStay() throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        for (before, after) in [(0o755, 0o700), (0o750, 0o750), (0o777, 0o700)] {
            try FileManager.default.createDirectory(
                atPath: directory.path, withIntermediateDirectories: true, attributes: nil)
            try FileManager.default.setAttributes([.posixPermissions: before], ofItemAtPath: directory.path)
            try directory.prepare()
            #expect(try mode(of: directory.path) == after)
        }
    }

    @Test func doesNotTouchADirectoryWithFilesOfOthers() throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        try FileManager.default.createDirectory(atPath: directory.path, withIntermediateDirectories: true)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.path)
        try Data("mine".utf8).write(to: URL(fileURLWithPath: directory.path + "/file"))
        #expect(throws: StateDirectoryError.tooOpen(path: directory.path, mode: 0o755)) { try directory.prepare() }
        #expect(try mode(of: directory.path) == 0o755)
    }

    @Test func refusesAFileInThePlaceOfTheDirectory() throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        try Data().write(to: URL(fileURLWithPath: directory.path))
        #expect(throws: StateDirectoryError.notADirectory(path: directory.path)) { try directory.prepare() }
    }

    @Test func neverRemovesAFileThatIsNoSocket() async throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        try directory.prepare()
        try Data("precious".utf8).write(to: URL(fileURLWithPath: directory.publishSocket))
        await #expect(throws: StateDirectoryError.notOurSocket(path: directory.publishSocket)) {
            _ = try await MetricPublisher.open(in: directory)
        }
        #expect(try String(contentsOfFile: directory.publishSocket, encoding: .utf8) == "precious")
    }

    @Test func refusesAnIdentityThatCannotBeRead() async throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        try directory.prepare()
        try Data("{".utf8).write(to: URL(fileURLWithPath: directory.identityFile))
        let error = try await #require(throws: StateDirectoryError.self) {
            _ = try await MetricPublisher.open(in: directory)
        }
        #expect("\(error)".contains(directory.identityFile))
    }

    @Test func setsALedgerAsideThatCannotBeRead() async throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        try directory.prepare()
        try Data("{".utf8).write(to: URL(fileURLWithPath: directory.ledgerFile))
        let publisher = try await MetricPublisher.open(in: directory)
        #expect(await publisher.lastPosition(of: "any") == nil)
        #expect(FileManager.default.fileExists(atPath: directory.ledgerFile + ".bad"))
    }

    @Test func neverWritesThroughALinkOfOthers() async throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        try directory.prepare()
        let victim = scratch.path + "/victim"
        try Data("precious".utf8).write(to: URL(fileURLWithPath: victim))
        try FileManager.default.createSymbolicLink(
            atPath: directory.identityFile + ".new", withDestinationPath: victim)
        _ = try await MetricPublisher.open(in: directory)
        #expect(try String(contentsOfFile: victim, encoding: .utf8) == "precious")
    }

    @Test func socketsAreForThoseWhoMayEnterTheDirectory() async throws {
        let scratch = ScratchFolder()
        for (name, directoryMode, socketMode) in [("own", 0o700, 0o600), ("group", 0o750, 0o660)] {
            let directory = try scratch.stateDirectory(name)
            try FileManager.default.createDirectory(
                atPath: directory.path, withIntermediateDirectories: false,
                attributes: [.posixPermissions: directoryMode])
            try FileManager.default.setAttributes([.posixPermissions: directoryMode], ofItemAtPath: directory.path)
            let publisher = try await MetricPublisher.open(in: directory)
            #expect(try mode(of: publisher.directory.publishSocket) == socketMode)
        }
    }

    @Test func anEndingPublisherLeavesItsSuccessorsSocketsAlone() async throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        var first: MetricPublisher? = try await MetricPublisher.open(in: directory)
        #expect(first != nil)
        try FileManager.default.removeItem(atPath: directory.path)
        let second = try await MetricPublisher.open(in: directory)
        first = nil
        #expect(FileManager.default.fileExists(atPath: second.directory.publishSocket))
    }

    @Test(.timeLimit(.minutes(1)))
    func refusesASecondPublisherAndNamesTheFirstOnesPid() async throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        let first = try await MetricPublisher.open(in: directory)
        var configuration = PublisherConfiguration()
        configuration.lockPatience = .milliseconds(60)
        let error = try await #require(throws: StateDirectoryError.self) {
            _ = try await MetricPublisher.open(in: directory, configuration: configuration)
        }
        #expect("\(error)".contains("pid \(getpid())"))
        #expect(FileManager.default.fileExists(atPath: first.directory.publishSocket))
    }

    @Test func keepsItsIdAndNeverAnEpoch() async throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        var epochs: [UInt64] = []
        var ids: Set<String> = []
        for _ in 0..<3 {
            let publisher = try await MetricPublisher.open(in: directory)
            epochs.append(publisher.epoch)
            ids.insert(publisher.id.description)
        }
        #expect(epochs == epochs.sorted() && Set(epochs).count == 3)
        #expect(ids.count == 1)
        #expect(!FileManager.default.fileExists(atPath: directory.publishSocket))
    }
}
