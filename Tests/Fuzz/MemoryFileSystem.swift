internal import Glibc
internal import Synchronization
internal import SystemPackage
internal import SystemSupport

@testable internal import Journal

/// A file system in memory, for the journal: thousands of openings a second, and nothing left behind.
final class MemoryFileSystem: FileSystem {
    private struct State: Sendable {
        var files: [String: [UInt8]] = [:]
        var open: [CInt: String] = [:]
        var next: CInt = 3
    }

    private let state: Mutex<State>

    init(_ files: [String: [UInt8]] = [:]) {
        state = Mutex(State(files: files))
    }

    /// How many bytes all files have.
    var byteCount: Int { state.withLock { $0.files.values.reduce(0) { $0 + $1.count } } }

    func open(_ path: String, flags: CInt) throws(SystemCallError) -> CInt {
        let descriptor: CInt? = state.withLock { state in
            if state.files[path] == nil {
                guard flags & O_CREAT != 0 else { return nil }
                state.files[path] = []
            }
            state.next += 1
            state.open[state.next] = path
            return state.next
        }
        guard let descriptor else { throw SystemCallError("open", code: .noSuchFileOrDirectory) }
        return descriptor
    }

    func close(_ descriptor: CInt) {
        state.withLock { _ = $0.open.removeValue(forKey: descriptor) }
    }

    func length(_ descriptor: CInt) throws(SystemCallError) -> UInt64 {
        state.withLock { state in UInt64(state.open[descriptor].flatMap { state.files[$0] }?.count ?? 0) }
    }

    func read(
        _ descriptor: CInt, into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(SystemCallError) -> Int {
        let part: [UInt8] = state.withLock { [count = bytes.count] state in
            guard let file = state.open[descriptor].flatMap({ state.files[$0] }), offset < UInt64(file.count) else {
                return []
            }
            return Array(file[Int(offset)...].prefix(count))
        }
        bytes.copyBytes(from: part)
        return part.count
    }

    func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemCallError) -> Int {
        let part = Array(bytes)
        state.withLock { state in
            guard let path = state.open[descriptor] else { return }
            var file = state.files[path] ?? []
            let start = Int(offset)
            if file.count < start + part.count { file += [UInt8](repeating: 0, count: start + part.count - file.count) }
            file.replaceSubrange(start..<start + part.count, with: part)
            state.files[path] = file
        }
        return part.count
    }

    func truncate(_ descriptor: CInt, to length: UInt64) throws(SystemCallError) {
        state.withLock { state in
            guard let path = state.open[descriptor], let file = state.files[path] else { return }
            state.files[path] = Array(file.prefix(Int(length)))
        }
    }

    func synchronize(_ descriptor: CInt) throws(SystemCallError) {}

    func makeDirectory(_ path: String) throws(SystemCallError) {}

    func names(in path: String) throws(SystemCallError) -> [String] {
        let names = state.withLock { state in
            Set(
                state.files.keys.compactMap { name in
                    name.hasPrefix(path + "/")
                        ? name.dropFirst(path.utf8.count + 1).split(separator: "/").first.map(String.init) : nil
                })
        }
        return names.sorted()
    }

    func rename(_ path: String, to newPath: String) throws(SystemCallError) {
        state.withLock { $0.files[newPath] = $0.files.removeValue(forKey: path) }
    }

    func remove(_ path: String) throws(SystemCallError) {
        state.withLock { _ = $0.files.removeValue(forKey: path) }
    }
}
