private import Foundation
private import Glibc

/// A small file that is always whole: written beside itself, synced, and renamed into place.
struct SmallFile<Content: Codable>: Sendable {
    let path: String

    /// The content, or `nil` if there is no file.
    ///
    /// - Throws: `StateDirectoryError.unreadable` if there is one that is not ours or not whole.
    func read() throws -> Content? {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw SystemCallError(call: "open", path: path) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            return try JSONDecoder().decode(Content.self, from: try file.readToEnd() ?? Data())
        } catch {
            throw StateDirectoryError.unreadable(path: path, reason: "\(error)")
        }
    }

    /// Moves a file that can't be read out of the way, under a name that says so.
    func setAside() throws {
        guard rename(path, path + ".bad") == 0 else { throw SystemCallError(call: "rename", path: path) }
    }

    /// Makes the renaming last over a power cut. Where a file system can't, there is nothing more to do.
    private func syncDirectory() {
        let directory = open(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]), O_RDONLY | O_CLOEXEC)
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }

    func write(_ content: Content) throws {
        let bytes = Array(try JSONEncoder().encode(content))
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemCallError(call: "open", path: temporary) }
        defer { close(descriptor) }
        let written = Glibc.write(descriptor, bytes, bytes.count)
        guard written == bytes.count else {
            throw SystemCallError(call: "write", path: temporary, code: written < 0 ? errno : ENOSPC)
        }
        guard fsync(descriptor) == 0 else { throw SystemCallError(call: "fsync", path: temporary) }
        guard rename(temporary, path) == 0 else { throw SystemCallError(call: "rename", path: path) }
        syncDirectory()
    }
}
