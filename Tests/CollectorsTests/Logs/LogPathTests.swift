import Diagnosis
import Foundation
import Glibc
import SystemPackage
import SystemSupport
import TestSupport
import Testing

@testable import Collectors

/// Whose links to logs are followed, as root sees it.
@Suite(.enabled(if: geteuid() == 0, "needs root, to make files of other users")) struct LogPathTests {
    private let scratch = ScratchFolder()
    private let stranger: uid_t = 12_345

    /// A folder in which users write, a file of its owner's with that mode, and a link to it.
    private func link(
        by linker: uid_t, to owner: uid_t, mode: mode_t, in folderMode: mode_t = 0o1777, of folderOwner: uid_t = 0
    ) throws -> String {
        try scratch.makeFolder("logs")
        try scratch.write("secret\n", to: "target")
        chown(scratch.file("target"), owner, owner)
        chmod(scratch.file("target"), mode)
        symlink("../target", scratch.file("logs/train.log"))
        lchown(scratch.file("logs/train.log"), linker, linker)
        chown(scratch.file("logs"), folderOwner, folderOwner)
        chmod(scratch.file("logs"), folderMode)
        return scratch.file("logs/train.log")
    }

    @Test func aLinkOfOthersLeadsToTheirOwnFilesOnly() throws {
        let path = try link(by: stranger, to: 0, mode: 0o600)
        let error = #expect(throws: SystemCallError.self) { try LogPath.open(path) }
        #expect(
            "\(try #require(error))"
                == "cannot follow \(path): user 12345 has made the link train.log, which leads to a file of user 0's")
        #expect(LogPath.refusal(path) != nil)
        #expect(throws: SystemCallError.self) { try LogFile(path: path) }
    }

    @Test(arguments: [
        (UInt32(12_345), UInt32(12_345), mode_t(0o600), mode_t(0o1777), UInt32(0)), (0, 54_321, 0o600, 0o1777, 0),
        (12_345, 0, 0o644, 0o1777, 0), (12_345, 0, 0o600, 0o755, 0), (0, 0, 0o600, 0o700, 12_345),
    ])
    func ordinaryLinksAreFollowed(
        linker: UInt32, owner: UInt32, mode: mode_t, folderMode: mode_t, folderOwner: UInt32
    ) throws {
        chmod(scratch.path, 0o755)
        let path = try link(by: linker, to: owner, mode: mode, in: folderMode, of: folderOwner)
        #expect(LogPath.refusal(path) == nil)
        #expect(try LogFile(path: path).bytes(at: 0, count: 100) == Array("secret\n".utf8))
    }

    @Test(arguments: [
        (UInt32(0), mode_t(0o644), mode_t(0o1777), UInt32(0)), (0, 0o600, 0o755, 12_345),
        (54_321, 0o600, 0o775, 12_345),
    ])
    func aWayThatNotEverybodyMayGoIsNoPublicOne(owner: UInt32, mode: mode_t, folderMode: mode_t, folderOwner: UInt32)
        throws
    {
        // The scratch folder has mode 0700.
        #expect(LogPath.refusal(try link(by: stranger, to: owner, mode: mode, in: folderMode, of: folderOwner)) != nil)
    }

    @Test func linksToFoldersAndChainsOfLinksAreLookedAt() throws {
        try scratch.makeFolder("root")
        try scratch.write("secret\n", to: "root/train.log")
        chmod(scratch.file("root/train.log"), 0o600)
        try scratch.makeFolder("logs")
        symlink(scratch.file("root"), scratch.file("logs/run"))
        #expect(LogPath.refusal(scratch.file("logs/run/train.log")) == nil)
        chown(scratch.file("logs"), stranger, stranger)
        lchown(scratch.file("logs/run"), stranger, stranger)
        #expect(LogPath.refusal(scratch.file("logs/run/train.log")) != nil)
        symlink("logs/../logs/run/train.log", scratch.file("chain"))
        #expect(LogPath.refusal(scratch.file("chain")) != nil)
        symlink("/proc/self/fd/0", scratch.file("logs/stdin"))
        #expect(LogPath.refusal(scratch.file("logs/stdin")) == nil)
        symlink("b", scratch.file("a"))
        symlink("a", scratch.file("b"))
        #expect(throws: SystemCallError("open", path: scratch.file("a"), code: .tooManySymbolicLinkLevels)) {
            try LogPath.open(scratch.file("a"))
        }
        #expect(throws: SystemCallError("open", path: scratch.file("none/x"), code: .noSuchFileOrDirectory)) {
            try LogPath.open(scratch.file("none/x"))
        }
    }

    @Test func aPatternFollowsTheFileUnderItsOwnName() async throws {
        _ = try link(by: stranger, to: 0, mode: 0o600)
        let (client, log) = (RecordingClient(), LogCapture())
        let collector = LogSetCollector(
            selection: LogSelection(files: [scratch.file("logs/*.log"), scratch.file("targe?")]),
            node: NodeIdentity(id: 1),
            logger: log.logger)
        await collector.setClient(client)
        try await eventually {
            if await collector.isEnabled() { _ = await collector.collectRounds(100) }
            return client.contents == ["secret"]
        }
        #expect(await collector.counts.files == 1)
        #expect(log.count("user 12345 has made the link") == 1)
    }
}
