private import Foundation
private import SystemPackage
internal import SystemSupport

/// A JSON file that its readers always find whole, also after a power cut.
struct SmallFile<Content: Codable>: Sendable {
    private let file: WholeFile

    init(path: String) {
        file = WholeFile(path: path)
    }

    /// The content, or `nil` if there is no file.
    ///
    /// - Throws: `StateDirectoryError.unreadable` if it is not what this program writes; `SystemCallError` if it can't be opened.
    func read() throws -> Content? {
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try file.read(limit: .max, followsLinks: false)
        } catch {
            switch (error.call, error.code) {
            case (_, .noSuchFileOrDirectory): return nil
            case ("read", _): throw StateDirectoryError.unreadable(path: file.path, reason: error.reason)
            default: throw error
            }
        }
        do {
            return try JSONDecoder().decode(Content.self, from: Data(bytes))
        } catch {
            throw StateDirectoryError.unreadable(path: file.path, reason: "\(error)")
        }
    }

    func write(_ content: Content) throws {
        try file.replace(with: Array(try JSONEncoder().encode(content)))
    }

    /// Renames a file that can't be read, so that a new one can take its place.
    func setAside() throws {
        try file.setAside(suffix: ".bad")
    }
}
