import Foundation

/// A new folder for one test, removed with the object.
final class ScratchFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/arobust-collectors-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Appends to a file, which is created if need be.
    func append(_ bytes: some Sequence<UInt8>, to name: String) throws {
        guard let file = fopen(file(name), "a") else { throw POSIXError(.EIO) }
        defer { fclose(file) }
        let bytes = Array(bytes)
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw POSIXError(.EIO) }
    }

    func append(_ text: String, to name: String) throws {
        try append(text.utf8, to: name)
    }

    func rename(_ name: String, to other: String) {
        precondition(Foundation.rename(file(name), file(other)) == 0)
    }

    func truncate(_ name: String, to size: Int = 0) {
        precondition(Foundation.truncate(file(name), size) == 0)
    }

    /// Writes an executable script.
    func script(_ name: String, _ text: String) throws -> String {
        try append("#!/bin/sh\n\(text)\n", to: name)
        precondition(chmod(file(name), 0o755) == 0)
        return file(name)
    }
}
