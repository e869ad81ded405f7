import Diagnosis
import Foundation
import Glibc
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

    /// What another user may have put into a directory that was open to all.
    enum Plant: CaseIterable {
        case lockOfOthers, linkOfOthers, ownLink, secondName, folderOfOthers, openFolder, fileDeepDown
    }

    @Test(.enabled(if: geteuid() == 0, "needs root, to make files of other users"), arguments: Plant.allCases)
    func refusesADirectoryInWhichOthersCouldPlantFiles(plant: Plant) throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        let stranger: uid_t = 12_345
        let path = directory.path
        func file(_ name: String, owner: uid_t = 0) {
            close(open(path + "/" + name, O_CREAT | O_WRONLY, 0o600))
            chown(path + "/" + name, owner, owner)
        }
        mkdir(path, 0o777)
        file("publisher.lock", owner: plant == .lockOfOthers ? stranger : 0)
        mkdir(path + "/journal", 0o700)
        switch plant {
        case .lockOfOthers: break
        case .linkOfOthers:
            symlink("/tmp", path + "/consumers")
            lchown(path + "/consumers", stranger, stranger)
        case .ownLink: symlink("/tmp", path + "/consumers")
        case .secondName:
            file("ledger.json")
            link(path + "/ledger.json", scratch.file("other-name"))
        case .folderOfOthers:
            mkdir(path + "/telemetry", 0o700)
            chown(path + "/telemetry", stranger, stranger)
        case .openFolder: chmod(path + "/journal", 0o777)
        case .fileDeepDown:
            mkdir(path + "/journal/GENERIC", 0o700)
            file("journal/GENERIC/0000000001", owner: stranger)
        }
        chmod(path, 0o777)
        let error = try #require(throws: StateDirectoryError.self) { try directory.prepare() }
        guard case .planted(let planted, let owner) = error else { return #expect(Bool(false), "\(error)") }
        #expect(planted.hasPrefix(path + "/"))
        let isForeign = [.lockOfOthers, .linkOfOthers, .folderOfOthers, .fileDeepDown].contains(plant)
        #expect(owner == (isForeign ? stranger : nil))
        #expect(try mode(of: path) == 0o777)
        // Closed since, what a stranger left is refused all the same; the own links of an administrator are not.
        chmod(path, 0o700)
        if isForeign {
            #expect(throws: StateDirectoryError.planted(path: planted, owner: stranger)) { try directory.prepare() }
        } else {
            try directory.prepare()
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [true, false])
    func aPublisherWhoseDirectoryIsMovedAwayEnds(isReplaced: Bool) async throws {
        let scratch = ScratchFolder()
        let directory = try scratch.stateDirectory()
        let publisher = try await MetricPublisher.open(in: directory)
        try publisher.publish([.log("before")])
        let running = Task { try await publisher.run() }
        // It has made all its sockets then.
        try await eventually { try await PublisherInspection(directory).ask() != nil }
        try FileManager.default.moveItem(atPath: directory.path, toPath: scratch.file("elsewhere"))
        if isReplaced {
            try FileManager.default.createDirectory(atPath: directory.path, withIntermediateDirectories: false)
        }
        await #expect(throws: StateDirectoryError.moved(path: directory.path)) { try await running.value }
        let left = try? FileManager.default.contentsOfDirectory(atPath: directory.path)
        #expect(left == (isReplaced ? [] : nil))
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
