@testable import Console
import ConsoleStore
import Glibc
import SystemSupport
import TestSupport
import Foundation

/// A console at a free port, with a store of its own, for as long as a test's body runs.
struct RunningConsole {
    let server: ConsoleServer
    let store: ConsoleStore
    let port: Int
    let log: LogCapture

    static func with<Result>(
        options change: (inout ConsoleOptions) -> Void = { _ in }, files: [String: [UInt8]] = [:],
        body: (RunningConsole) async throws -> Result
    ) async throws -> Result {
        let folder = ScratchFolder()
        let log = LogCapture()
        let store = try ConsoleStore(directory: folder.file("store"), logger: log.logger)
        var options = ConsoleOptions(port: 0)
        change(&options)
        let (ports, port) = AsyncStream<Int>.makeStream()
        var server = try ConsoleServer(store: store, options: options, logger: log.logger) { _, number in
            port.yield(number)
        }
        if !files.isEmpty { server.files = PageFiles(files) }
        let running = server
        let task = Task {
            defer { port.finish() }
            try await running.run()
        }
        defer { task.cancel() }
        guard let number = await ports.first(where: { _ in true }) else {
            try await task.value
            fatalError("the console ended without an error")
        }
        let result = try await body(RunningConsole(server: running, store: store, port: number, log: log))
        task.cancel()
        try? await task.value
        await store.close()
        return result
    }

    /// Asks over a connection of its own.
    ///
    /// - Parameter headers: `nil` leaves a header out.
    func ask(_ target: String, method: String = "GET", headers: [String: String?] = [:]) async throws -> Reply {
        let all: [String: String?] = ["Host": "localhost:\(port)", "Connection": "close"].merging(headers) { $1 }
        let head = all.compactMap { name, value in value.map { "\(name): \($0)\r\n" } }.joined()
        return try await exchange(Array("\(method) \(target) HTTP/1.1\r\n\(head)\r\n".utf8))
    }

    /// Sends bytes, and reads until the console closes the connection.
    func exchange(_ bytes: [UInt8]) async throws -> Reply {
        let port = port
        return try await PinnedThread.run(name: "test-client", onCancel: {}) {
            let connection = try RawConnection(port: port)
            try connection.send(bytes)
            return Reply(connection.readAll())
        }
    }
}

/// A TCP connection that does just what a test says. It blocks.
final class RawConnection: Sendable {
    let descriptor: CInt

    /// - Parameter receiveBuffer: of the kernel, in bytes; `nil`: as usual.
    init(port: Int, receiveBuffer: CInt? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        if var receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<CInt>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw SystemCallError("connect") }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw SystemCallError("send") }
            rest = rest.dropFirst(count)
        }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// `nil` at the end, or after 30 s.
    func read(most: Int = 65536) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: most)
        let count = recv(descriptor, &buffer, most, 0)
        return count > 0 ? Array(buffer.prefix(count)) : nil
    }

    /// Up to the end.
    func readAll() -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = read() { all += bytes }
        return all
    }

    /// Up to where the text comes, or the end.
    func read(until text: String) -> String {
        var all: [UInt8] = []
        while !String(decoding: all, as: UTF8.self).contains(text), let bytes = read() { all += bytes }
        return String(decoding: all, as: UTF8.self)
    }
}

/// An answer of HTTP/1.1 with the length of its body, or what there is instead of one.
struct Reply: Sendable {
    let status: Int
    /// By names in small letters.
    let headers: [String: String]
    let body: [UInt8]

    init(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else {
            (status, headers, body) = (0, [:], [])
            return
        }
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } } ?? 0
        headers = Dictionary(
            lines.dropFirst().compactMap { line in
                line.firstIndex(of: ":").map {
                    (line[..<$0].lowercased(), String(line[line.index(after: $0)...].drop { $0 == " " }))
                }
            }, uniquingKeysWith: { $0 + ", " + $1 })
        body = Array(text[end.upperBound...].utf8)
    }

    var text: String { String(decoding: body, as: UTF8.self) }
}
