internal import Glibc
internal import Subprocess
internal import SystemPackage

/// Runs `py-spy dump` as a child process.
///
/// `--nonblocking` reads the target's memory while it runs and never stops it; `--locals` (secrets) and `--native` (stops the target for
/// long) are never given.
struct PySpy: Sendable {
    /// Why there is no Python stack.
    struct Failure: Error {
        let reason: String
        /// Whether py-spy ran and was killed, so that it may have left the target in any state.
        let wasKilled: Bool
    }

    /// A program, or `nil`: `py-spy` from `PATH`.
    let path: String?
    /// For one process; then py-spy and all that it started is killed.
    let deadline: Duration
    /// The most bytes of standard output.
    let maxBytes: Int

    func threads(of pid: Int32) async throws(Failure) -> [PythonThread] {
        let program = try locate()
        let outcome = await withTaskGroup(of: Result<[PythonThread], Failure>.self) { group in
            group.addTask { await run(program, pid: pid) }
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

    /// The program's path. Looked up anew each time: py-spy may be installed while we run.
    private func locate() throws(Failure) -> FilePath {
        if let path {
            guard access(path, X_OK) == 0 else {
                let error = SystemError("run", path, code: errno)
                throw Failure(reason: "py-spy is not to be had: \(error)", wasKilled: false)
            }
            return FilePath(path)
        }
        for folder in searchPath.split(separator: ":") where access("\(folder)/py-spy", X_OK) == 0 {
            return FilePath("\(folder)/py-spy")
        }
        throw Failure(reason: "py-spy is not installed: there is none in PATH", wasKilled: false)
    }

    private var searchPath: String {
        getenv("PATH").map { String(cString: $0) } ?? ""
    }

    private func run(_ program: FilePath, pid: Int32) async -> Result<[PythonThread], Failure> {
        var options = PlatformOptions()
        // A group of its own, so that the kill reaches what a wrapper script has started.
        options.processGroupID = 0
        options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)]
        do {
            let result = try await Subprocess.run(
                .path(program),
                arguments: ["dump", "--nonblocking", "--json", "--pid", "\(pid)"],
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
        return said.isEmpty ? "it said nothing" : said
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
