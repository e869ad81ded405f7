internal import Glibc
internal import SystemSupport

/// Finds whose sockets are at the other ends of TCP connections on this machine: the kernel lists all of the network namespace, with the
/// user who made each (`/proc/net/tcp`, Documentation/networking/proc_net_tcp.rst).
struct SocketOwners: Sendable {
    /// More of a list is not read, some 400,000 sockets.
    static let longestList = 64 << 20

    /// Where the lists are; for tests.
    var folder = "/proc/net"

    /// Whether there is a list at all.
    func check() throws(SystemCallError) {
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
        var (block, rest) = ([UInt8](repeating: 0, count: 64 << 10), [UInt8]())
        var (total, left) = (0, wanted.count)
        while total < Self.longestList, left > 0 {
            let count = Glibc.read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            total += count
            rest += block[..<count]
            var lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let unfinished = lines.removeLast()
            for line in lines {
                guard let socket = ListedSocket(line), let end = wanted[socket.ends], found[end] == nil else {
                    continue
                }
                found[end] = socket.user
                left -= 1
            }
            // A line has some 150 bytes.
            rest = unfinished.count < 4096 ? Array(unfinished) : []
        }
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
