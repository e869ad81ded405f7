import Foundation
import Testing

@testable import MasterClients

/// The messages that DLRover pickled, in `Fixtures`.
struct Fixture: Sendable, CustomTestStringConvertible {
    let file: String
    let module: String
    /// What the pickle holds, as JSON: classes as `__class__`, bytes as `__bytes_hex__`, long texts by their length.
    let fields: Data

    var testDescription: String { file }

    var bytes: [UInt8] { Self.bytes(file) }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    static func bytes(_ file: String) -> [UInt8] {
        guard let data = try? Data(contentsOf: folder.appending(path: file)) else { return [] }
        return Array(data)
    }

    /// All that the manifest lists.
    static let all: [Fixture] = {
        guard let manifest = try? JSONSerialization.jsonObject(with: Data(bytes("manifest.json"))) as? [String: Any],
            let files = manifest["files"] as? [[String: Any]]
        else { return [] }
        return files.compactMap { entry in
            guard let file = entry["file"] as? String, let module = entry["module"] as? String,
                let fields = entry["fields"], let data = try? JSONSerialization.data(withJSONObject: fields)
            else { return nil }
            return Fixture(file: file, module: module, fields: data)
        }
    }()

    static func named(_ part: String) -> Fixture? {
        all.first { $0.file.contains(part) }
    }
}
