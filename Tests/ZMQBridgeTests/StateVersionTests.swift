import Foundation
import Testing
import TestSupport

@testable import ZMQBridge

/// The file `version` of a state directory; that each command looks at it is tested by Tests/EndToEnd/test_upgrade.py.
@Suite struct StateVersionTests {
    private let scratch = ScratchFolder()

    private func directory(version: String? = nil) throws -> StateDirectory {
        let directory = try scratch.stateDirectory()
        try directory.prepare()
        if let version { try Data(version.utf8).write(to: URL(filePath: directory.path + "/version")) }
        return directory
    }

    @Test func aPublisherWritesItDownOnce() throws {
        let directory = try directory()
        #expect(try StateVersion.raise(in: directory.path) == nil)
        let path = directory.path + "/version"
        #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("\(StateVersion.newest)\narobust "))
        let number = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
        #expect(try StateVersion.raise(in: directory.path) == nil)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int == number)
    }

    @Test func oneThatCannotBeWrittenIsNoObstacleWhereNothingChanges() throws {
        let directory = try directory()
        // In the way of the new file, and no file that could be removed.
        try FileManager.default.createDirectory(
            atPath: directory.path + "/version.new/x", withIntermediateDirectories: true)
        let error = try StateVersion.raise(in: directory.path)
        #expect("\(try #require(error))".contains("/version.new"))
        try directory.checkVersion()
    }

    @Test(arguments: [
        ("2", nil), ("2\n", nil), ("2\narobust 0.2.0\n", "arobust 0.2.0"),
        ("70000\narobust 1.0-rc.1\nmore", "arobust 1.0-rc.1"),
        ("2\narobust \u{1B}[31m\n", nil), ("2\nsomebody\n", nil),
        ("2\narobust \(String(repeating: "1", count: 60))\n", nil),
    ])
    func aNewerOneIsRefused(content: String, writer: String?) throws {
        let directory = try directory(version: content)
        let error = try #require(throws: StateDirectoryError.self) { try directory.checkVersion() }
        guard case .newerDirectory(directory.path, let version, writer) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(content.hasPrefix("\(version)"))
        #expect(error.isNewerVersion && !"\(error)".contains("\u{1B}"), "\(error)")
        #expect(throws: error) { try directory.prepare() }
        #expect(throws: error) { try directory.check() }
        #expect(throws: error) { try directory.checkForClients() }
    }

    @Test(arguments: ["", "\n", "0", "-1", "one", "1.0", "1 ", "99999999999999999999"])
    func whatIsNoNumberIsSaid(content: String) throws {
        let directory = try directory(version: content)
        let error = try #require(throws: StateDirectoryError.self) { try directory.checkVersion() }
        guard case .unreadable = error else {
            Issue.record("\(error)")
            return
        }
    }
}
