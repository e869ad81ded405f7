internal import Glibc

/// A file in memory with a path, for readers that open files by name. Its bytes are replaced for each input.
///
/// Unchecked: libFuzzer calls from one thread.
final class MemoryFile: @unchecked Sendable {
    private let descriptor: CInt

    init() {
        // A file without a name in a file system in memory.
        var name = Array("/dev/shm/arobust-fuzz-XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        require(descriptor >= 0, "cannot mkstemp in /dev/shm")
        unlink(name)
    }

    var path: String { "/proc/self/fd/\(descriptor)" }

    func replace(with bytes: some Collection<UInt8>) {
        require(ftruncate(descriptor, 0) == 0, "cannot ftruncate")
        let all = Array(bytes)
        require(pwrite(descriptor, all, all.count, 0) == all.count, "cannot pwrite")
    }
}
