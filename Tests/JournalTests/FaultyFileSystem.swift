import Glibc
import Synchronization
import SystemPackage
import SystemSupport

@testable import Journal

/// The real file system, made to fail.
final class FaultyFileSystem: FileSystem {
    struct Faults: Sendable {
        /// How many bytes can still be written before the disk is full.
        var room: Int?
        /// Calls that fail: by name, with this error, so many times.
        var failures: [String: (code: CInt, times: Int)] = [:]
        /// Reads and writes do a part of what they are asked.
        var isShort = false
        /// Every other call is interrupted.
        var isInterrupted = false
        var calls = 0
        var openDescriptors = 0
    }

    private let real = PosixFileSystem()
    let faults = Mutex(Faults())

    func fail(_ call: String, _ code: CInt, times: Int = 1) {
        faults.withLock { $0.failures[call] = (code, times) }
    }

    func heal() {
        faults.withLock { faults in
            faults.room = nil
            faults.failures = [:]
        }
    }

    private func enter(_ call: String) throws(SystemCallError) {
        let code: CInt? = faults.withLock { faults in
            faults.calls += 1
            if faults.isInterrupted, faults.calls % 2 == 1 { return EINTR }
            guard let failure = faults.failures[call] else { return nil }
            faults.failures[call] = failure.times > 1 ? (failure.code, failure.times - 1) : nil
            return failure.code
        }
        if let code { throw SystemCallError(call, code: Errno(rawValue: code)) }
    }

    func open(_ path: String, flags: CInt) throws(SystemCallError) -> CInt {
        try enter(flags & O_CREAT == 0 ? "open" : "create")
        let descriptor = try real.open(path, flags: flags)
        faults.withLock { $0.openDescriptors += 1 }
        return descriptor
    }

    func close(_ descriptor: CInt) {
        faults.withLock { $0.openDescriptors -= 1 }
        real.close(descriptor)
    }

    func length(_ descriptor: CInt) throws(SystemCallError) -> UInt64 {
        try enter("fstat")
        return try real.length(descriptor)
    }

    func read(_ descriptor: CInt, into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64)
        throws(SystemCallError) -> Int
    {
        try enter("read")
        let isShort = faults.withLock { $0.isShort }
        let count = isShort ? (bytes.count + 1) / 2 : bytes.count
        return try real.read(descriptor, into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]), at: offset)
    }

    func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemCallError) -> Int {
        try enter("write")
        let count = faults.withLock { faults in
            let count = min(faults.isShort ? (bytes.count + 1) / 2 : bytes.count, faults.room ?? .max)
            faults.room = faults.room.map { $0 - count }
            return count
        }
        if count == 0, !bytes.isEmpty { throw SystemCallError("write", code: .noSpace) }
        return try real.write(descriptor, UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: offset)
    }

    func truncate(_ descriptor: CInt, to length: UInt64) throws(SystemCallError) {
        try enter("truncate")
        try real.truncate(descriptor, to: length)
    }

    func synchronize(_ descriptor: CInt) throws(SystemCallError) {
        try enter("sync")
        try real.synchronize(descriptor)
    }

    func makeDirectory(_ path: String) throws(SystemCallError) {
        try enter("mkdir")
        try real.makeDirectory(path)
    }

    func names(in path: String) throws(SystemCallError) -> [String] {
        try enter("names")
        return try real.names(in: path)
    }

    func rename(_ path: String, to newPath: String) throws(SystemCallError) {
        try enter("rename")
        try real.rename(path, to: newPath)
    }

    func remove(_ path: String) throws(SystemCallError) {
        try enter("remove")
        try real.remove(path)
    }
}
