private import Glibc
package import SystemSupport

/// The files of a torch elastic agent (`torchrun --log-dir`), from the newest run's last attempt:
/// `<folder>/<run>/attempt_<n>/<local rank>/{stdout.log,stderr.log,error.json}`
/// (`torch/distributed/elastic/multiprocessing/api.py`, `DefaultLogsSpecs`).
package struct TorchrunLogs: Sendable {
    /// The ranks' standard output and error.
    package private(set) var logs: [LogSource] = []
    package private(set) var errorFiles: [LogSource] = []

    /// Finds the files. `folder` may also be that of a run or of an attempt.
    ///
    /// - Parameter nodeRank: turns a local rank into a rank of the job, on the assumption that all nodes have the same number of ranks.
    package init(folder: String, nodeRank: Int = 0) throws(TorchrunLogsError) {
        let attempt: String?
        do throws(SystemCallError) {
            attempt = try Self.attempt(in: folder)
            if let attempt { try addFiles(of: attempt, nodeRank: nodeRank) }
        } catch {
            throw .unreadable(error)
        }
        if attempt == nil { throw .noAttempt(folder: folder) }
    }

    private mutating func addFiles(of attempt: String, nodeRank: Int) throws(SystemCallError) {
        let ranks = try Self.numbered(in: attempt, prefix: "")
        for rank in ranks {
            let folder = "\(attempt)/\(rank)"
            for name in try Directory(path: folder).names() {
                let source = LogSource(path: "\(folder)/\(name)", rank: nodeRank * ranks.count + rank)
                if name.hasSuffix(".log") { logs.append(source) }
                if name == "error.json" { errorFiles.append(source) }
            }
        }
    }

    private static func attempt(in folder: String) throws(SystemCallError) -> String? {
        if let last = try numbered(in: folder, prefix: "attempt_").last { return "\(folder)/attempt_\(last)" }
        if try !numbered(in: folder, prefix: "").isEmpty { return folder }
        var runs: [(time: Int, attempt: String)] = []
        for name in try Directory(path: folder).names() {
            var status = stat()
            guard stat("\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
                let last = try numbered(in: "\(folder)/\(name)", prefix: "attempt_").last
            else { continue }
            runs.append((status.st_mtim.tv_sec, "\(folder)/\(name)/attempt_\(last)"))
        }
        return runs.max { ($0.time, $0.attempt) < ($1.time, $1.attempt) }?.attempt
    }

    /// The numbers that follow the prefix in the names of a folder's entries, in order.
    private static func numbered(in folder: String, prefix: String) throws(SystemCallError) -> [Int] {
        try Directory(path: folder).names()
            .compactMap { $0.hasPrefix(prefix) ? Int($0.dropFirst(prefix.count)) : nil }
            .sorted()
    }
}

/// Why torchrun's logs were not found.
package enum TorchrunLogsError: Error, Hashable, CustomStringConvertible {
    case unreadable(SystemCallError)
    case noAttempt(folder: String)

    package var description: String {
        switch self {
        case .unreadable(let error): "\(error)"
        case .noAttempt(let folder):
            "\(folder): there is no folder of an attempt; torchrun writes <run>/attempt_<n>/<local rank>/"
        }
    }
}
