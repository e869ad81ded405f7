import Foundation

/// A directory that goes away with the test.
final class Scratch: Sendable {
    let path = FileManager.default.temporaryDirectory.path + "/delivery-" + UUID().uuidString

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var files: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    func lines(_ file: String) -> [String] {
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }
}
