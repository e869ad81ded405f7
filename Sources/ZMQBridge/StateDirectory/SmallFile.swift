internal import Diagnosis
private import FoundationEssentials
private import SystemPackage
internal import SystemSupport

/// What a small file has, with the version of its form.
protocol VersionedFile: Codable {
    static var newestVersion: Int { get }
    /// `nil` in files from before there were versions, which are of version 1.
    var version: Int? { get }
}

/// A JSON file that its readers always find whole, also after a power cut.
struct SmallFile<Content: VersionedFile>: Sendable {
    /// In bytes: far more than 1,024 accounts of 256 lanes take.
    private static var largest: Int { 512 << 20 }

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
            bytes = try file.read(limit: Self.largest + 1, followsLinks: false)
            guard bytes.count <= Self.largest else {
                throw SystemCallError("read", path: file.path, code: .fileTooLarge)
            }
        } catch {
            switch (error.call, error.code) {
            case (_, .noSuchFileOrDirectory): return nil
            case ("read", _): throw StateDirectoryError.unreadable(path: file.path, reason: error.reason)
            default: throw error
            }
        }
        do {
            // The decoder takes one of two equal keys and says nothing.
            try JSONShape.check(bytes[...])
            // Before the rest, which a newer version may have changed.
            let version = try JSONDecoder().decode(FormVersion.self, from: Data(bytes)).version ?? 1
            guard version <= Content.newestVersion else {
                throw StateDirectoryError.newerVersion(
                    path: file.path, version: version, known: Content.newestVersion)
            }
            return try JSONDecoder().decode(Content.self, from: Data(bytes))
        } catch let error as StateDirectoryError {
            throw error
        } catch {
            throw StateDirectoryError.unreadable(path: file.path, reason: "it is not what a publisher writes")
        }
    }

    private struct FormVersion: Decodable {
        var version: Int?
    }

    func write(_ content: Content) throws {
        // An operator may have a service's publisher forget a consumer.
        try file.replace(with: Array(try JSONEncoder().encode(content)), keepsOwner: true)
    }

    /// Renames a file that can't be read, so that a new one can take its place.
    func setAside() throws {
        try file.setAside(suffix: ".bad")
    }
}
