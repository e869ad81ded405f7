private import Glibc
internal import Hang
private import Subprocess
private import SystemSupport
private import SystemPackage

/// Runs `py-spy dump` as a child process. `--locals` is never given: it shows secrets.
struct PySpy: Sendable {
    /// How it reads the target.
    enum Mode: String, Sendable {
        /// While the target runs. What changes meanwhile may be read wrongly.
        case nonblocking = "--nonblocking"
        /// While all its threads are stopped, for some milliseconds.
        case blocking = ""
        /// The same with native frames, which stops the target for longer: the first time as long as its symbols take to read.
        case native = "--native"

        var isStopping: Bool { self != .nonblocking }
    }

    /// Why there is no Python stack.
    struct Failure: Error {
        let reason: String
        /// Whether py-spy ran and was killed, so that it may have left the target stopped.
        let wasKilled: Bool
    }

    /// The program; `nil`: `py-spy` from `PATH`.
    let path: String?
    /// How long one process may take; then py-spy and everything that it started is killed.
    let deadline: Duration
    /// The most bytes of standard output.
    let maxBytes: Int

    /// - Parameter limit: how long it may take, where that is less than `deadline`.
    func threads(
        of pid: Int32, _ mode: Mode = .nonblocking, within limit: Duration = .seconds(86400)
    ) async throws(Failure) -> [PythonThread] {
        let program = try locate()
        let deadline = min(deadline, limit)
        let outcome = await withTaskGroup(of: Result<[PythonThread], Failure>.self) { group in
            group.addTask { await run(program, mode, pid: pid) }
            group.addTask {
                try? await Task.sleep(for: deadline)
                return .failure(
                    Failure(reason: "py-spy did not end within \(deadline) and was killed", wasKilled: true))
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? .failure(Failure(reason: "py-spy was not run", wasKilled: false))
        }
        return try outcome.get()
    }

    /// The program's path. Looked up each time, as py-spy may be installed while we run.
    private func locate() throws(Failure) -> FilePath {
        if let path {
            guard access(path, X_OK) == 0 else {
                let error = SystemCallError("run", path: path)
                throw Failure(reason: "py-spy cannot be used: \(error)", wasKilled: false)
            }
            return FilePath(path)
        }
        for folder in searchPath.split(separator: ":") where access("\(folder)/py-spy", X_OK) == 0 {
            return FilePath("\(folder)/py-spy")
        }
        throw Failure(
            reason: "py-spy is not installed: there is none in PATH; install it, or name one with stacks.py-spy",
            wasKilled: false)
    }

    private var searchPath: String {
        getenv("PATH").map { String(cString: $0) } ?? ""
    }

    private func run(_ program: FilePath, _ mode: Mode, pid: Int32) async -> Result<[PythonThread], Failure> {
        var options = PlatformOptions()
        // In its own process group, so that the kill also reaches what a wrapper script has started.
        options.processGroupID = 0
        options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)]
        do {
            let result = try await Subprocess.run(
                .path(program),
                arguments: Arguments(
                    ["dump", mode.rawValue, "--json", "--pid", "\(pid)"].filter { !$0.isEmpty }),
                environment: .inherit.updating(["RUST_BACKTRACE": "0"]),
                platformOptions: options,
                input: .none, output: .bytes(limit: maxBytes), error: .bytes(limit: 1024 * 1024))
            guard result.terminationStatus.isSuccess else {
                let said = firstLines(of: result.standardError)
                return .failure(
                    Failure(reason: "py-spy failed (\(result.terminationStatus)): \(said)", wasKilled: false))
            }
            return PySpyOutput.threads(result.standardOutput).mapError { Failure(reason: $0.reason, wasKilled: false) }
        } catch let error as SubprocessError where error.code == .outputLimitExceeded {
            return .failure(
                Failure(reason: "py-spy wrote more than \(maxBytes) bytes and was killed", wasKilled: true))
        } catch {
            return .failure(Failure(reason: "py-spy could not be run: \(error)", wasKilled: true))
        }
    }

    /// What py-spy says before it shows its own stack, in one line.
    private func firstLines(of error: [UInt8]) -> String {
        let text = String(decoding: error.prefix(4096), as: UTF8.self)
        let lines = text.split(separator: "\n").prefix { !$0.hasPrefix("Stack backtrace") }.prefix(8)
        let said = lines.map { $0.trimming { $0 == " " || $0 == "\t" } }.joined(separator: " ")
        return said.isEmpty ? "it gave no reason" : said
    }
}

extension Substring {
    /// Without the characters at either end that meet the condition.
    fileprivate func trimming(while isTrimmed: (Character) -> Bool) -> Substring {
        var rest = drop(while: isTrimmed)
        while let last = rest.last, isTrimmed(last) { rest.removeLast() }
        return rest
    }
}

/// What `py-spy dump --json` wrote, as threads.
enum PySpyOutput {
    struct Unreadable: Error {
        let reason: String
    }

    static func threads(_ json: [UInt8]) -> Result<[PythonThread], Unreadable> {
        guard let threads = PySpyJSON.threads(in: json) else {
            let start = String(decoding: json.prefix(80), as: UTF8.self).split(separator: "\n").joined(separator: " ")
            return .failure(Unreadable(reason: "py-spy wrote something other than a dump: '\(start)'"))
        }
        return .success(
            threads.map { thread in
                PythonThread(
                    name: thread.thread_name, osID: thread.os_thread_id, isActive: thread.active,
                    ownsGIL: thread.owns_gil,
                    frames: thread.frames.map {
                        PythonThread.Frame(
                            function: $0.name, file: $0.short_filename ?? $0.filename, line: $0.line, path: $0.filename)
                    })
            })
    }
}

/// A Python thread and its stack, as py-spy shows it.
public struct PythonThread: Sendable, Hashable {
    /// One call on a stack.
    public struct Frame: Sendable, Hashable {
        /// The function's name, `<module>` at the top level.
        public var function: String
        /// Relative to the module path where that is known: `torch/distributed/distributed_c10d.py`.
        public var file: String
        /// The line in the file, from 1; 0 if unknown.
        public var line: Int
        /// The file as Python knows it, which other tools than py-spy show.
        package var path: String?

        package init(function: String, file: String, line: Int, path: String? = nil) {
            self.path = path
            self.function = function
            self.file = file
            self.line = line
        }
    }

    /// The name in Python's `threading`; `nil` if Python does not know the thread (yet).
    public var name: String?
    /// The kernel's id of the thread; `nil` where py-spy cannot tell.
    public var osID: Int?
    /// Whether it was running on a processor rather than waiting; `nil` if the way it was read does not tell.
    public var isActive: Bool?
    /// Whether it held Python's global lock, as far as that is known.
    public var ownsGIL: Bool
    /// The calls, the innermost first.
    public var frames: [Frame]

    package init(name: String?, osID: Int?, isActive: Bool?, ownsGIL: Bool, frames: [Frame]) {
        self.name = name
        self.osID = osID
        self.isActive = isActive
        self.ownsGIL = ownsGIL
        self.frames = frames
    }
}
