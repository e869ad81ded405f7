private import Glibc

/// A file of text that is read whole.
struct TextFile {
    let path: String

    /// - Throws: `SettingsError` with the system's own word for what is wrong.
    func read() throws(SettingsError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &block, block.count)
            if count == 0 { break }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(errno) }
            bytes += block[..<count]
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingsError(place: path, reason: "the file is not UTF-8")
        }
        return text
    }

    private func failure(_ code: Int32) -> SettingsError {
        SettingsError(place: path, reason: "the file cannot be read: \(String(cString: strerror(code)))")
    }
}
