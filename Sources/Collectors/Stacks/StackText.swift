private import SystemSupport

/// Writes stacks as text: a block for each process, in py-spy's own form below a header line. Names that a program
/// gave itself are escaped, so that they can't look like lines of their own.
enum StackText {
    /// The least room in which a process is worth its header.
    private static let leastShare = 256
    /// Kept free for the line that says what was left out.
    private static let noteRoom = 128

    /// - Parameter maxBytes: never exceeded. The room is shared evenly, so that one process with a thousand threads does not push out the
    ///   others; what does not fit is cut between two threads, with a line in brackets that says so.
    static func text(_ stacks: [ProcessStack], maxBytes: Int) -> String {
        var text = ""
        for (index, stack) in stacks.enumerated() {
            let share = (maxBytes - noteRoom - text.utf8.count) / (stacks.count - index)
            guard share >= leastShare else {
                text += "[arobust: \(stacks.count - index) more processes are left out for lack of room]\n"
                break
            }
            text += block(stack, maxBytes: share)
        }
        return String(decoding: text.utf8.dropLast().prefix(maxBytes), as: UTF8.self)
    }

    private static func block(_ stack: ProcessStack, maxBytes: Int) -> String {
        var block = cut(header(stack), maxBytes: maxBytes - noteRoom)
        let threads = threads(of: stack.content)
        for (index, thread) in threads.enumerated() {
            guard block.utf8.count + thread.utf8.count <= maxBytes - noteRoom else {
                block += "[arobust: \(threads.count - index) more threads are left out for lack of room]\n"
                break
            }
            block += thread
        }
        return block + "\n"
    }

    private static func header(_ stack: ProcessStack) -> String {
        var header = "Process \(stack.pid)"
        if let rank = stack.rank { header += ", rank \(rank)" }
        if let rank = stack.localRank { header += ", local rank \(rank)" }
        header +=
            ", \(stack.state): \(stack.command.isEmpty ? "(no command line)" : TerminalText.line(stack.command))\n"
        switch stack.content {
        case .python: break
        case .kernel(_, let reason): header += "No Python stacks: \(SecretText.line(reason))\n"
        case .none(let reason): header += "No stacks: \(SecretText.line(reason))\n"
        }
        return header
    }

    private static func threads(of content: ProcessStack.Content) -> [String] {
        switch content {
        case .python(let threads): threads.map(text)
        case .kernel(let threads, _): threads.map(text)
        case .none: []
        }
    }

    private static func text(_ thread: PythonThread) -> String {
        let activity =
            thread.ownsGIL
            ? "active+gil" : thread.isActive.map { $0 ? "active" : "idle" } ?? "activity unknown"
        var text = "Thread \(thread.osID.map { "\($0)" } ?? "?") (\(activity))"
        if let name = thread.name { text += ": \"\(SecretText.line(name))\"" }
        text += "\n"
        for frame in thread.frames {
            text += "    \(SecretText.line(frame.function)) (\(SecretText.line(frame.file)):\(frame.line))\n"
        }
        return text
    }

    private static func text(_ thread: KernelThread) -> String {
        var text = "Thread \(thread.osID) (\(thread.state)): \"\(SecretText.line(thread.name))\""
        if let channel = thread.waitChannel { text += ", waits in \(SecretText.line(channel))" }
        if let call = thread.systemCall { text += ", system call \(SecretText.line(call))" }
        text += "\n"
        for frame in thread.kernelStack { text += "    \(SecretText.line(frame))\n" }
        return text
    }

    private static func cut(_ text: String, maxBytes: Int) -> String {
        text.utf8.count <= maxBytes ? text : String(decoding: text.utf8.prefix(maxBytes - 4), as: UTF8.self) + "…\n"
    }
}

/// The stacks of one process at one time.
public struct ProcessStack: Sendable, Hashable {
    /// How much of the stacks could be read.
    public enum Content: Sendable, Hashable {
        /// Python's stacks.
        case python([PythonThread])
        /// Only what the kernel shows of the threads, and why there is no more.
        case kernel([KernelThread], reason: String)
        /// Nothing, and why: the process ended, or never was.
        case none(reason: String)
    }

    /// The process id, as `/proc` here shows it.
    public var pid: Int32
    /// `RANK` of its environment.
    public var rank: Int?
    /// `LOCAL_RANK` of its environment.
    public var localRank: Int?
    /// The command line in one line, without secrets and cut at 1 KiB.
    public var command: String
    /// As in `/proc/PID/status`: `S (sleeping)`. Taken before the stacks.
    public var state: String
    /// In whole seconds since 1970.
    public var timestamp: Int64
    /// The stacks, or why there are none.
    public var content: Content

    package init(
        pid: Int32, rank: Int? = nil, localRank: Int? = nil, command: String, state: String, timestamp: Int64,
        content: Content
    ) {
        self.pid = pid
        self.rank = rank
        self.localRank = localRank
        self.command = command
        self.state = state
        self.timestamp = timestamp
        self.content = content
    }
}
