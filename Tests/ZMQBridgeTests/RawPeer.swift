import Glibc
import SystemPackage
import SystemSupport

/// A client of a Unix socket that writes ZMTP by hand, so that it can write it wrongly.
final class RawPeer: Sendable {
    let descriptor: Int32

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.dropLast().copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw SystemCallError("connect", path: path) }
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit {
        close(descriptor)
    }

    /// Greets as ZMTP 3.0 with the NULL mechanism, says READY as a socket of this type, and waits until the other side does.
    func shakeHands(as type: String = "DEALER") throws {
        try write(Self.greeting)
        let property = [11] + Array("Socket-Type".utf8) + [0, 0, 0, UInt8(type.utf8.count)] + Array(type.utf8)
        let ready = [5] + Array("READY".utf8) + property
        try write([4, UInt8(ready.count)] + ready)
        let head = try take(64 + 2)
        _ = try take(Int(head[65]))
    }

    static let greeting =
        [0xFF] + [UInt8](repeating: 0, count: 8) + [0x7F, 3, 0] + Array("NULL".utf8) + [UInt8](repeating: 0, count: 48)

    static func frame(_ content: [UInt8], more: Bool) -> [UInt8] {
        [(more ? 1 : 0) | 2] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: content.count >> ($0 * 8)) } + content
    }

    func write(_ bytes: [UInt8]) throws(SystemCallError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try SystemCallError.retrying("send") {
                rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            }
            rest = rest.dropFirst(count)
        }
    }

    private func take(_ count: Int) throws(SystemCallError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var buffer = [UInt8](repeating: 0, count: count - bytes.count)
            let length = try SystemCallError.retrying("read") { read(descriptor, &buffer, buffer.count) }
            guard length > 0 else { throw SystemCallError("read", code: .connectionReset) }
            bytes += buffer[..<length]
        }
        return bytes
    }

    /// Reads until the other side has closed the connection; `false` if it has not within the time-out.
    func isClosedByPeer() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return true }
            if count < 0 { return errno != EAGAIN && errno != EINTR }
        }
    }
}
