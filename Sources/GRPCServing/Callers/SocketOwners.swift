internal import Glibc
package import SystemSupport

/// Finds whose sockets are at the other ends of TCP connections on this machine: the kernel lists all of the network namespace, with the
/// user who made each (`/proc/net/tcp`, Documentation/networking/proc_net_tcp.rst).
package struct SocketOwners: Sendable {
    /// More of a list is not read, some 400,000 sockets.
    static let longestList = 64 << 20

    private static let blockBytes = 64 << 10
    private static let newline = CChar(bitPattern: UInt8(ascii: "\n"))

    private let folder: String

    /// - Parameter folder: where the lists are; another one for tests.
    package init(folder: String = "/proc/net") {
        self.folder = folder
    }

    /// Whether there is a list at all.
    package func check() throws(SystemCallError) {
        _ = try WholeFile(path: folder + "/tcp").read(limit: 1)
    }

    /// Blocks for as long as the kernel takes to write its lists: about a millisecond for a thousand sockets.
    ///
    /// - Returns: the users of those that were found.
    func users(of ends: Set<SocketEnds>) -> [SocketEnds: uid_t] {
        var found: [SocketEnds: uid_t] = [:]
        var wanted: [String: SocketEnds] = [:]
        for end in ends {
            if case .tcp(let ipv4?, _) = end { wanted[ipv4] = end }
        }
        read("tcp", wanted, into: &found)
        wanted = [:]
        for end in ends where found[end] == nil {
            if case .tcp(_, let ipv6) = end { wanted[ipv6] = end }
        }
        read("tcp6", wanted, into: &found)
        return found
    }

    private func read(_ name: String, _ wanted: [String: SocketEnds], into found: inout [SocketEnds: uid_t]) {
        guard !wanted.isEmpty else { return }
        let descriptor = open("\(folder)/\(name)", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        // One more for a zero.
        let block = UnsafeMutablePointer<CChar>.allocate(capacity: Self.blockBytes + 1)
        defer { block.deallocate() }
        var (kept, total, wanted) = (0, 0, wanted)
        while total < Self.longestList, !wanted.isEmpty {
            let count = Glibc.read(descriptor, block + kept, Self.blockBytes - kept)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            total += count
            let end = kept + count
            var lines = end
            while lines > 0, block[lines - 1] != Self.newline { lines -= 1 }
            if lines > 0 {
                block[lines - 1] = 0
                for (text, ends) in wanted {
                    guard let user = Self.user(of: text, in: block) else { continue }
                    found[ends] = user
                    wanted[text] = nil
                }
            }
            // The beginning of a line; none has more than some 150 bytes.
            kept = lines > 0 ? end - lines : 0
            memmove(block, block + lines, kept)
        }
    }

    /// Looks for a line with these ends and an owner. libc's search, since there may be a hundred thousand others.
    private static func user(of ends: String, in lines: UnsafePointer<CChar>) -> uid_t? {
        var from = lines
        while let hit = strstr(from, ends) {
            var begin = UnsafePointer(hit)
            while begin > lines, begin[-1] != newline { begin -= 1 }
            var end = UnsafePointer(hit)
            while end.pointee != 0, end.pointee != newline { end += 1 }
            let line = UnsafeBufferPointer(start: begin, count: end - begin).map { UInt8(bitPattern: $0) }
            if let socket = ListedSocket(line), socket.ends == ends { return socket.user }
            from = end
        }
        return nil
    }
}

/// A line of `/proc/net/tcp` or `tcp6`.
struct ListedSocket: Equatable {
    /// `LOCAL REMOTE`.
    let ends: String
    let user: uid_t

    /// - Returns: `nil` for a socket without an owner: one that was closed belongs to nobody, and the kernel says root.
    init?(_ line: some Collection<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 10)
        guard fields.count >= 10 else { return nil }
        // ESTABLISHED, or CLOSE_WAIT: the process has it still.
        guard fields[3].elementsEqual("01".utf8) || fields[3].elementsEqual("08".utf8) else { return nil }
        guard let user = uid_t(String(decoding: fields[7], as: UTF8.self)), !fields[9].elementsEqual("0".utf8) else {
            return nil
        }
        ends = String(decoding: fields[1], as: UTF8.self) + " " + String(decoding: fields[2], as: UTF8.self)
        self.user = user
    }
}
