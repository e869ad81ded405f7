private import Foundation
private import Glibc

/// A small file that is always whole: written beside itself, synced, and renamed into place.
struct SmallFile<Content: Codable> {
    let path: String

    /// The content, or `nil` if there is no file.
    ///
    /// - Throws: `StateDirectoryError.unreadable` if there is one that is not ours or not whole.
    func read() throws -> Content? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw SystemCallError(call: "open", path: path) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            return try JSONDecoder().decode(Content.self, from: try file.readToEnd() ?? Data())
        } catch {
            throw StateDirectoryError.unreadable(path: path, reason: "\(error)")
        }
    }

    func write(_ content: Content) throws {
        let bytes = Array(try JSONEncoder().encode(content))
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemCallError(call: "open", path: temporary) }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            throw SystemCallError(call: "write", path: temporary)
        }
        guard rename(temporary, path) == 0 else { throw SystemCallError(call: "rename", path: path) }
    }
}
