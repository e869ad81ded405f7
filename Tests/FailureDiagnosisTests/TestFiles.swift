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
