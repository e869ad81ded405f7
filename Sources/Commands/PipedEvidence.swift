internal import FailureDiagnosis
private import Glibc
internal import SystemSupport

/// Reads the pipes among a failure's files before the diagnosis begins, as their writers may take longer than its budget: standard input
/// (`-`), `/dev/stdin`, `<(zcat x)`, named pipes.
enum PipedEvidence {
    static let standardInput = "standard input"

    /// Blocks until the pipes' writers have ended.
    static func read(_ failure: inout TrainingFailure) {
        name(&failure)
        let paths = (failure.logs + failure.errorFiles).map(\.path) + [failure.kernelLog].compactMap { $0 }
        var pipes: [(String, CInt)] = []
        for path in Set(paths).sorted() {
            do throws(LogInputError) {
                if let descriptor = try descriptor(of: path) { pipes.append((path, descriptor)) }
            } catch {
                failure.pipes[path] = .failure(error)
            }
        }
        for (path, descriptor) in pipes {
            let kept = LogInput.kept(ofEach: pipes.count)
            failure.pipes[path] = Result { () throws(LogInputError) in
                try LogInput(name: path, isPipe: true, kept: kept, deadline: nil) { block throws(SystemCallError) in
                    try read(descriptor, path, block)
                }
            }
            close(descriptor)
        }
    }

    /// `-` is told as "standard input".
    private static func name(_ failure: inout TrainingFailure) {
        for index in failure.logs.indices where failure.logs[index].path == "-" {
            failure.logs[index].path = standardInput
        }
        for index in failure.errorFiles.indices where failure.errorFiles[index].path == "-" {
            failure.errorFiles[index].path = standardInput
        }
        if failure.kernelLog == "-" { failure.kernelLog = standardInput }
    }

    /// - Returns: `nil` for what the diagnosis opens itself.
    private static func descriptor(of path: String) throws(LogInputError) -> CInt? {
        var status = stat()
        let own = path == standardInput ? STDIN_FILENO : number(of: path)
        if let own {
            guard fstat(own, &status) == 0 else { throw .system(SystemCallError("read", path: path)) }
            if isatty(own) == 1 { throw .noFile(name: path, kind: "a terminal; pipe a log into it") }
        } else if stat(path, &status) != 0 {
            return nil
        }
        let kind = status.st_mode & S_IFMT
        // A socket can't be opened by its path, so it has to be one that was inherited.
        if let own, path == standardInput || kind == S_IFSOCK || kind == S_IFIFO {
            return try wrapped { () throws(SystemCallError) in
                try SystemCallError.retrying("dup", path: path) { dup(own) }
            }
        }
        guard kind == S_IFIFO else { return nil }
        // Non-blocking: a named pipe without a writer is at its end.
        return try wrapped { () throws(SystemCallError) in
            try SystemCallError.retrying("open", path: path) { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        }
    }

    /// The descriptor that a path such as `/dev/fd/63` names.
    private static func number(of path: String) -> CInt? {
        if path == "/dev/stdin" { return STDIN_FILENO }
        for folder in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(folder) {
            return CInt(path.dropFirst(folder.count))
        }
        return nil
    }

    private static func read(
        _ descriptor: CInt, _ path: String, _ block: UnsafeMutableRawBufferPointer
    ) throws(SystemCallError) -> Int {
        while true {
            let count = Glibc.read(descriptor, block.baseAddress, block.count)
            if count >= 0 { return count }
            switch errno {
            case EINTR: break
            case EAGAIN: Readiness.awaitInput(descriptor)
            default: throw SystemCallError("read", path: path)
            }
        }
    }

    private static func wrapped(_ body: () throws(SystemCallError) -> CInt) throws(LogInputError) -> CInt {
        do throws(SystemCallError) {
            return try body()
        } catch {
            throw .system(error)
        }
    }
}
