private import Glibc
internal import SystemSupport

/// The descriptors 0, 1 and 2.
package enum StandardStreams {
    /// Opens `/dev/null` in place of those that are closed. Otherwise the next socket or eventfd would get their number, and what is
    /// meant for people would be written into it. To be called before anything else opens a descriptor.
    package static func fillGaps() {
        var descriptor: Int32
        repeat { descriptor = open("/dev/null", O_RDWR) } while (STDIN_FILENO...STDERR_FILENO).contains(descriptor)
        // Without a /dev/null nothing can be done.
        if descriptor > STDERR_FILENO { close(descriptor) }
    }
}

/// What a command was asked for.
enum CommandOutput {
    /// For people: whatever is in one of them, it stays one line, and shows no secret.
    case lines([String])
    /// For programs: a value each, which may go over several lines. No string in it shows a secret.
    case json([String])
    /// What was published, for people: as it is, a line each.
    case publishedLines([String])
    /// What was published, for programs: a value each, as it is.
    case publishedJSON([String])
}

/// What a command is asked for: other programs may read it. Nothing gets there that a terminal could take for a command, wherever it is from.
enum StandardOutput {
    /// Writes all of it; `false` when nobody reads any more.
    @discardableResult
    static func write(_ output: CommandOutput) throws(SystemCallError) -> Bool {
        switch output {
        case .lines(let lines): try write(lines: lines) { SecretText.line($0, limit: TerminalText.longestLine) }
        case .publishedLines(let lines):
            try write(lines: lines) { TerminalText.line($0, limit: TerminalText.longestLine) }
        case .json(let values): try write(.publishedJSON(values.map { SecretJSON.hidden(in: $0) }))
        case .publishedJSON(let values): try write(json: Array(values.map { $0 + "\n" }.joined().utf8))
        }
    }

    private static func write(lines: [String], _ shown: (String) -> String) throws(SystemCallError) -> Bool {
        try writeAll(Array(lines.map { shown($0) + "\n" }.joined().utf8))
    }

    /// Writes JSON as it is, or lines that are made like it; `false` when nobody reads any more.
    @discardableResult
    static func write(json: [UInt8]) throws(SystemCallError) -> Bool {
        try writeAll(TerminalJSON.escaped(json))
    }

    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Makes the terminal empty, if it is one.
    static func clear() throws(SystemCallError) {
        if isTerminal { try writeAll(Array("\u{1B}[H\u{1B}[2J".utf8)) }
    }

    /// Text of our own, or of libraries about our own: help, completion scripts.
    static func write(help: String) throws(SystemCallError) {
        try writeAll(Array((TerminalText.lines(help) + "\n").utf8))
    }

    @discardableResult
    private static func writeAll(_ text: [UInt8]) throws(SystemCallError) -> Bool {
        var rest = text[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            switch count < 0 ? errno : 0 {
            case 0: rest = rest.dropFirst(count)
            case EINTR: continue
            case EAGAIN: Readiness.awaitOutput(STDOUT_FILENO)
            case EPIPE: return false
            default: throw SystemCallError("write", path: "standard output")
            }
        }
        return true
    }
}

/// What a command says to people beside that.
enum StandardError {
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Prints it as one line to standard error, whatever is in it, without secrets.
    ///
    /// In systemd's journal an error has that priority.
    static func say(_ line: String) {
        let priority =
            JournalStream.isStandardError
            ? (line.hasPrefix("Error:") ? JournalStream.Priority.error : .notice).prefix : ""
        write(Array((priority + SecretText.line(line, limit: TerminalText.longestLine) + "\n").utf8))
    }

    /// Writes whole lines that are fit to be shown.
    static func write(_ bytes: [UInt8]) {
        // If standard error is gone there is nobody to tell.
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}

/// Waits for a descriptor that another process has made non-blocking: that holds for all who share a terminal or a pipe.
enum Readiness {
    static func awaitInput(_ descriptor: Int32) {
        wait(descriptor, POLLIN)
    }

    static func awaitOutput(_ descriptor: Int32) {
        wait(descriptor, POLLOUT)
    }

    /// Returns early at a signal, and when the other side is gone: the caller tries again and finds out.
    private static func wait(_ descriptor: Int32, _ events: Int32) {
        var one = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        _ = poll(&one, 1, -1)
    }
}
