internal import Foundation

/// A new folder of one test's own, removed with the object. Its path is short enough for Unix sockets.
package final class ScratchFolder: Sendable {
    package let path: String

    package init() {
        var template = Array("/tmp/arobust-XXXXXX".utf8CString)
        // A machine without room in /tmp can run no test at all.
        precondition(mkdtemp(&template) != nil, "no folder can be made in /tmp")
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of a file in it; a path that is whole already stays as it is.
    package func file(_ name: String) -> String { name.hasPrefix("/") ? name : "\(path)/\(name)" }

    // MARK: looking

    /// The names in it, in order.
    package var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    /// The paths of the files at any depth whose names end so, in order.
    package func files(ending suffix: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        return all.filter { $0.hasSuffix(suffix) }.sorted().map(file)
    }

    package func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: file(name))))
    }

    package func text(_ name: String) throws -> String {
        try String(contentsOfFile: file(name), encoding: .utf8)
    }

    /// The lines of a file that are not empty; none if it isn't there.
    package func lines(_ name: String) -> [String] {
        ((try? text(name)) ?? "").split(separator: "\n").map(String.init)
    }

    // MARK: changing

    /// Replaces a file's content, and makes the file if need be.
    @discardableResult
    package func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
        try Data(bytes).write(to: URL(filePath: file(name)))
        return file(name)
    }

    @discardableResult
    package func write(_ text: String, to name: String) throws -> String {
        try write(text.utf8, to: name)
    }

    /// Appends to a file, and makes it if need be.
    package func append(_ bytes: some Sequence<UInt8>, to name: String) throws {
        guard let stream = fopen(file(name), "a") else { throw POSIXError(.EIO) }
        defer { fclose(stream) }
        let bytes = Array(bytes)
        guard fwrite(bytes, 1, bytes.count, stream) == bytes.count else { throw POSIXError(.EIO) }
    }

    package func append(_ text: String, to name: String) throws {
        try append(text.utf8, to: name)
    }

    /// Writes an executable shell script and answers its path.
    package func script(_ name: String, _ text: String) throws -> String {
        try write("#!/bin/sh\n\(text)\n", to: name)
        precondition(chmod(file(name), 0o755) == 0)
        return file(name)
    }

    package func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
    }

    package func rename(_ name: String, to other: String) {
        precondition(Foundation.rename(file(name), file(other)) == 0)
    }

    package func truncate(_ name: String, to size: Int = 0) {
        precondition(Foundation.truncate(file(name), size) == 0)
    }

    package func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: file(name))
    }
}
