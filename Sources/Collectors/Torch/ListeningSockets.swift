internal import Glibc
internal import SystemSupport

/// The sockets at which a process itself listens: those that its descriptors name, and that the kernel lists as listening (proc(5)).
///
/// So an address can be compared with what is really the process's before anybody speaks to it: a socket of a multiprocessing listener or of
/// NCCL's bootstrap would break if it got a request of HTTP.
struct ListeningSockets: Hashable, Sendable {
    /// The paths as the process gave them to `bind`. No abstract ones.
    var paths: [String] = []
    /// Of TCP; none of a process in another network than ours, whose ports would be others' here.
    var ports: Set<Int> = []

    /// More of a table is not read: 64 MiB of `/proc/net/tcp` are 400,000 sockets.
    private static let tableLimit = 64 << 20

    /// - Parameter withPorts: whether ports are looked for, too: the tables of a node with many connections are long.
    /// - Throws: `SystemCallError`: without `CAP_SYS_PTRACE` only the descriptors of the user's own processes can be seen.
    init(of pid: Int32, withPorts: Bool) throws(SystemCallError) {
        let inodes = try Self.inodes(of: pid)
        guard !inodes.isEmpty else { return }
        read(
            unix: try ProcFile.text("/proc/\(pid)/net/unix", limit: Self.tableLimit), inodes: inodes)
        guard withPorts, let own = ProcFile.link("/proc/self/ns/net"), own == ProcFile.link("/proc/\(pid)/ns/net")
        else { return }
        for name in ["tcp", "tcp6"] {
            // Without IPv6 there is no such file.
            guard let table = try? ProcFile.text("/proc/\(pid)/net/\(name)", limit: Self.tableLimit) else { continue }
            read(tcp: table, inodes: inodes)
        }
    }

    init(unix: String, tcp: String, inodes: Set<UInt64>) {
        read(unix: unix, inodes: inodes)
        read(tcp: tcp, inodes: inodes)
    }

    /// Lines as `0000: 00000002 00000000 00010000 0001 01 4242 /run/x.sock`: the flag says that it listens. A path may hold spaces.
    private mutating func read(unix table: String, inodes: Set<UInt64>) {
        for line in table.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ", maxSplits: 7, omittingEmptySubsequences: true)
            guard fields.count == 8, let flags = UInt32(fields[3], radix: 16), flags & 0x10000 != 0,
                fields[4] == "0001", let inode = UInt64(fields[6]), inodes.contains(inode), !fields[7].hasPrefix("@")
            else { continue }
            paths.append(String(fields[7]))
        }
    }

    /// Lines as `0: 0100007F:6D7C 00000000:0000 0A …`: state 0A is LISTEN, the tenth field the inode.
    private mutating func read(tcp table: String, inodes: Set<UInt64>) {
        for line in table.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ", maxSplits: 10, omittingEmptySubsequences: true)
            guard fields.count > 9, fields[3] == "0A", let inode = UInt64(fields[9]), inodes.contains(inode),
                let port = fields[1].split(separator: ":").last.flatMap({ Int($0, radix: 16) })
            else { continue }
            ports.insert(port)
        }
    }

    private static func inodes(of pid: Int32) throws(SystemCallError) -> Set<UInt64> {
        let folder = "/proc/\(pid)/fd"
        var inodes: Set<UInt64> = []
        for name in try Directory(path: folder).names() {
            guard let target = ProcFile.link("\(folder)/\(name)"), target.hasPrefix("socket:["),
                let inode = UInt64(target.dropFirst("socket:[".count).dropLast())
            else { continue }
            inodes.insert(inode)
        }
        return inodes
    }
}
