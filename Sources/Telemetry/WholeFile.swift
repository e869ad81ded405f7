private import Glibc

/// A small file that is always whole to its readers: written beside itself and renamed into place.
struct WholeFile {
    let path: String

    /// Replaces the content, with mode 0644: who may read it, the directories above decide. Not synced, so a power cut may leave an older one.
    ///
    /// The file's own directory is made if it isn't there. Blocks for as long as the disk does.
    func write(_ text: String) throws(TelemetryFileError) {
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        if !directory.isEmpty, mkdir(directory, 0o755) != 0, errno != EEXIST { throw error("make", directory) }
        // Node_exporter's textfile collector takes `*.prom` and nothing else.
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw error("open", temporary) }
        do throws(TelemetryFileError) {
            defer { close(descriptor) }
            guard fchmod(descriptor, 0o644) == 0 else { throw error("change the mode of", temporary) }
            try write(Array(text.utf8), to: descriptor, temporary)
            guard rename(temporary, path) == 0 else { throw error("rename", temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    private func write(_ bytes: [UInt8], to descriptor: CInt, _ temporary: String) throws(TelemetryFileError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw error("write", temporary) }
            rest = rest.dropFirst(count)
        }
    }

    private func error(_ action: String, _ path: String) -> TelemetryFileError {
        TelemetryFileError(action: action, path: path, reason: String(cString: strerror(errno)))
    }
}
