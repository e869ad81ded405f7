import Foundation

/// A directory that goes away with the test.
final class TemporaryDirectory: Sendable {
    let path = FileManager.default.temporaryDirectory.path + "/journal-" + UUID().uuidString

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The files below, by their paths, in order.
    func files(ending suffix: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        return all.filter { $0.hasSuffix(suffix) }.sorted().map { path + "/" + $0 }
    }

    func bytes(_ file: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: file)))
    }

    func write(_ bytes: some Sequence<UInt8>, to file: String) throws {
        try Data(bytes).write(to: URL(filePath: file))
    }
}
