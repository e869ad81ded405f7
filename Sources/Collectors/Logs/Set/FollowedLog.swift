internal import Diagnosis

/// A log file that a set follows, and what its path says about it.
package struct FollowedLog: Hashable, Sendable {
    /// Absolute. It names the log in positions (`log:PATH`), so it is never rewritten.
    package let path: String
    /// Which rank wrote it; `nil` outside the folders that are said to be torchrun's.
    package let torchrun: TorchrunOrigin?

    package init(path: String, torchrun: TorchrunOrigin? = nil) {
        self.path = path
        self.torchrun = torchrun
    }
}

/// Where in a training's life a file of `torchrun --log-dir` belongs:
/// `<folder>/<run id>_<8 random characters>/attempt_<n>/<local rank>/{stdout,stderr}.log`
/// (`torch/distributed/elastic/multiprocessing/api.py`, `DefaultLogsSpecs`). DLRover's agent lets torch make the same folders.
package struct TorchrunOrigin: Hashable, Sendable {
    /// The run's id (`--rdzv-id`) without the random characters; `nil` where the followed folder lies below it.
    package let run: String?
    /// How often the training had been restarted before, from 0.
    package let attempt: Int?
    /// The rank on this node.
    package let localRank: Int
    /// `stdout` or `stderr`.
    package let stream: String

    package init(run: String?, attempt: Int?, localRank: Int, stream: String) {
        self.run = run
        self.attempt = attempt
        self.localRank = localRank
        self.stream = stream
    }

    /// Reads a file's path from its end. `nil` if it isn't one of torchrun's.
    ///
    /// - Parameter folder: the folder that was given; names above it say nothing.
    init?(path: String, in folder: String) {
        var names = path.dropFirst(path.hasPrefix(folder) ? folder.utf8.count : 0).split(separator: "/")
        // A folder that is itself that of a run or an attempt tells its own name.
        names = folder.split(separator: "/").suffix(2) + names
        guard let file = names.popLast(), file == "stdout.log" || file == "stderr.log",
            let rank = names.popLast().flatMap({ Int($0) }), rank >= 0
        else { return nil }
        localRank = rank
        stream = String(file.dropLast(4))
        attempt = names.last.flatMap { name in
            name.hasPrefix("attempt_") ? Int(name.dropFirst("attempt_".count)) : nil
        }
        run = attempt == nil ? nil : names.dropLast().last.map { Self.runID(String($0)) }
    }

    /// Every pattern under which torchrun writes, whether `folder` is the one that was given to it, or that of a run or an attempt.
    static func patterns(in folder: String) -> [String] {
        let escaped = folder.map { "*?[]{},\\".contains($0) ? "\\\($0)" : "\($0)" }.joined()
        let ending = "[0-9]*/{stdout,stderr}.log"
        return ["*/attempt_[0-9]*/", "attempt_[0-9]*/", ""].map { escaped + "/" + $0 + ending }
    }

    /// Python's `tempfile.mkdtemp(prefix=f"{run_id}_")` adds eight characters of `a-z0-9_`.
    private static func runID(_ folder: String) -> String {
        let random = folder.utf8.suffix(8)
        guard folder.utf8.count > 9, folder.utf8.dropLast(8).last == UInt8(ascii: "_"),
            random.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F })
        else { return folder }
        return String(folder.dropLast(9))
    }
}

extension MetricOrigin {
    mutating func add(_ torchrun: TorchrunOrigin) {
        run = torchrun.run
        attempt = torchrun.attempt
        localRank = torchrun.localRank
        stream = torchrun.stream
    }
}
