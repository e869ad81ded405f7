private import Glibc
private import SystemPackage
internal import SystemSupport

/// The file system as the journal uses it: interrupted calls repeated, whole reads and writes, errors that name the path.
struct Files: Sendable {
    let system: any FileSystem

    func open(_ path: String, flags: CInt) throws(JournalError) -> CInt {
        try retrying(path) { () throws(SystemCallError) in try system.open(path, flags: flags) }
    }

    /// The same, or `nil` if there is no such file.
    func openExisting(_ path: String, flags: CInt) throws(JournalError) -> CInt? {
        do {
            return try system.open(path, flags: flags)
        } catch {
            if error.code == .noSuchFileOrDirectory { return nil }
            if error.code == .interrupted { return try open(path, flags: flags) }
            throw JournalError(error, path: path)
        }
    }

    func close(_ descriptor: CInt) {
        system.close(descriptor)
    }

    func length(_ descriptor: CInt, path: String) throws(JournalError) -> UInt64 {
        try retrying(path) { () throws(SystemCallError) in try system.length(descriptor) }
    }

    /// Fills `bytes` as far as the file goes, and says how far.
    func read(
        _ descriptor: CInt, path: String, into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(JournalError) -> Int {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
            let count = try retrying(path) { () throws(SystemCallError) in
                try system.read(descriptor, into: rest, at: offset + UInt64(done))
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func write(
        _ descriptor: CInt, path: String, _ bytes: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(JournalError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = try retrying(path) { () throws(SystemCallError) in
                try system.write(descriptor, rest, at: offset + UInt64(done))
            }
            guard count > 0 else { throw JournalError(.io, path: path, "cannot write: nothing was written") }
            done += count
        }
    }

    func truncate(_ descriptor: CInt, path: String, to length: UInt64) throws(JournalError) {
        try retrying(path) { () throws(SystemCallError) in try system.truncate(descriptor, to: length) }
    }

    /// Cuts a file that isn't open.
    func truncate(_ path: String, to length: UInt64) throws(JournalError) {
        let descriptor = try open(path, flags: O_WRONLY)
        defer { close(descriptor) }
        try truncate(descriptor, path: path, to: length)
    }

    func synchronize(_ descriptor: CInt, path: String) throws(JournalError) {
        try retrying(path) { () throws(SystemCallError) in try system.synchronize(descriptor) }
    }

    /// Syncs a file or directory that isn't open. One that is gone needs none.
    func synchronize(_ path: String) throws(JournalError) {
        guard let descriptor = try openExisting(path, flags: O_RDONLY) else { return }
        defer { close(descriptor) }
        try synchronize(descriptor, path: path)
    }

    func makeDirectory(_ path: String) throws(JournalError) {
        try retrying(path) { () throws(SystemCallError) in try system.makeDirectory(path) }
    }

    func names(in path: String) throws(JournalError) -> [String] {
        try retrying(path) { () throws(SystemCallError) in try system.names(in: path) }
    }

    /// The names in a directory; none if it isn't one.
    func namesIfDirectory(_ path: String) throws(JournalError) -> [String] {
        do {
            return try system.names(in: path)
        } catch {
            if error.code == .notDirectory || error.code == .noSuchFileOrDirectory { return [] }
            if error.code == .interrupted { return try names(in: path) }
            throw JournalError(error, path: path)
        }
    }

    func rename(_ path: String, to newPath: String) throws(JournalError) {
        try retrying(path) { () throws(SystemCallError) in try system.rename(path, to: newPath) }
    }

    func renameIfThere(_ path: String, to newPath: String) throws(JournalError) {
        do {
            try system.rename(path, to: newPath)
        } catch {
            if error.code == .interrupted { return try rename(path, to: newPath) }
            if error.code != .noSuchFileOrDirectory { throw JournalError(error, path: path) }
        }
    }

    func remove(_ path: String) throws(JournalError) {
        try retrying(path) { () throws(SystemCallError) in try system.remove(path) }
    }

    private func retrying<Answer>(
        _ path: String, _ call: () throws(SystemCallError) -> Answer
    ) throws(JournalError) -> Answer {
        while true {
            do {
                return try call()
            } catch {
                if error.code != .interrupted { throw JournalError(error, path: path) }
            }
        }
    }
}
