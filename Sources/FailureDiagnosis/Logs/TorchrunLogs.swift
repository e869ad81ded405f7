private import Glibc

/// The files of a torch elastic agent (`torchrun --log-dir`), of the newest run's last attempt:
/// `<folder>/<run>/attempt_<n>/<local rank>/{stdout.log,stderr.log,error.json}`
/// (`torch/distributed/elastic/multiprocessing/api.py`, `DefaultLogsSpecs`).
public struct TorchrunLogs: Sendable {
    /// The ranks' standard output and error.
    public private(set) var logs: [LogSource] = []
    public private(set) var errorFiles: [LogSource] = []

    /// Looks for the files; a run's or an attempt's own folder will do too.
    ///
    /// - Parameter nodeRank: with it and the number of the node's ranks a local rank becomes one of the job: all nodes have as many.
    /// - Throws: `RuleTableError` that names the folder, if it can't be read or has no such files.
    public init(folder: String, nodeRank: Int = 0) throws(RuleTableError) {
        guard let attempt = try Self.attempt(in: folder) else {
            throw RuleTableError(
                place: folder, reason: "no attempt's folder is there; torchrun writes <run>/attempt_<n>/<local rank>/")
        }
        let ranks = try Self.numbered(in: attempt, prefix: "")
        for rank in ranks {
            let source = { (name: String) in
                LogSource(path: "\(attempt)/\(rank)/\(name)", rank: nodeRank * ranks.count + rank)
            }
            for name in try Folder.names(in: "\(attempt)/\(rank)") {
                if name.hasSuffix(".log") { logs.append(source(name)) }
                if name == "error.json" { errorFiles.append(source(name)) }
            }
        }
    }

    private static func attempt(in folder: String) throws(RuleTableError) -> String? {
        if let last = try numbered(in: folder, prefix: "attempt_").last { return "\(folder)/attempt_\(last)" }
        if try !numbered(in: folder, prefix: "").isEmpty { return folder }
        var runs: [(time: Int, attempt: String)] = []
        for name in try Folder.names(in: folder) {
            var status = stat()
            guard stat("\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
                let last = try numbered(in: "\(folder)/\(name)", prefix: "attempt_").last
            else { continue }
            runs.append((status.st_mtim.tv_sec, "\(folder)/\(name)/attempt_\(last)"))
        }
        return runs.max { ($0.time, $0.attempt) < ($1.time, $1.attempt) }?.attempt
    }

    /// The numbers after the prefix of the names of what is in a folder, in order.
    private static func numbered(in folder: String, prefix: String) throws(RuleTableError) -> [Int] {
        try Folder.names(in: folder).compactMap { $0.hasPrefix(prefix) ? Int($0.dropFirst(prefix.count)) : nil }
            .sorted()
    }
}

/// A small file, read whole.
enum WholeFile {
    /// - Returns: at most `limit` bytes from the start; `nil` if it cannot be read (`errno` says why).
    static func read(_ path: String, limit: Int) -> [UInt8]? {
        guard let descriptor = FileDescriptor.openForReading(path) else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65536)
        while bytes.count < limit {
            let count = Glibc.read(descriptor, &block, min(block.count, limit - bytes.count))
            if count == 0 { break }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            bytes += block[..<count]
        }
        return bytes
    }
}

/// Opening files.
enum FileDescriptor {
    /// Opens without waiting, also a named pipe that nobody writes to.
    static func openForReading(_ path: String) -> Int32? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        return descriptor >= 0 ? descriptor : nil
    }
}
