import FailureDiagnosis
import Foundation

/// Where the tests' files are.
enum TestFiles {
    static let tests = URL(filePath: #filePath).deletingLastPathComponent().path
    static let fixtures = tests + "/Fixtures"
    static let root = URL(filePath: tests).deletingLastPathComponent().deletingLastPathComponent().path
    static let corpus = root + "/rules/corpus"

    static func read(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path)))
    }
}

/// A folder that goes when the test ends.
final class ScratchFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "rules-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(filePath: path + "/" + name))
        return path + "/" + name
    }
}

extension TestFiles {
    static func makeFolders(_ names: [String], in path: String) throws {
        for name in names {
            try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: true)
        }
    }
}
