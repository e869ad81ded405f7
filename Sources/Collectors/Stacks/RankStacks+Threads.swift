internal import Hang
internal import SystemSupport

extension ThreadStack {
    /// What `/proc` shows of a thread.
    init(_ thread: KernelThread, of pid: Int32) {
        self.init(name: thread.name, osID: Int(thread.osID), isMain: thread.osID == pid)
        takeKernelSide(thread)
    }

    /// What py-spy shows of a thread, with files as faulthandler shows them, so that stacks can be compared whichever rung gave them.
    init(_ thread: PythonThread) {
        self.init(
            name: thread.name, osID: thread.osID,
            isMain: thread.name.map { $0 == "MainThread" } ?? false,
            frames: thread.frames.map { StackFrame($0) })
        isActive = thread.isActive
        ownsGIL = thread.ownsGIL
    }

    /// Adds where the thread is in the kernel.
    mutating func takeKernelSide(_ thread: KernelThread) {
        state = thread.state.first.map(String.init)
        waitChannel = thread.waitChannel
        systemCall = thread.systemCall.flatMap { SystemCallName.name(of: $0) }
        kernelFrames = thread.kernelStack.map(Self.symbol)
        if isActive == nil { isActive = thread.state.first == "R" }
    }

    /// `futex_wait_queue` of `[<0>] futex_wait_queue+0x60/0x90`.
    private static func symbol(_ line: String) -> String {
        let word = line.split(separator: " ").first { !$0.hasPrefix("[<") } ?? line[...]
        return String(word.prefix { $0 != "+" })
    }
}

extension StackFrame {
    /// A frame of py-spy's.
    init(_ frame: PythonThread.Frame) {
        let file = frame.path ?? frame.file
        let isPython = file.hasSuffix(".py") || file.hasPrefix("<")
        // `A.step.<locals>.inner` is `inner` to faulthandler, and to Pythons before 3.11.
        let name = isPython ? frame.function.split(separator: ".").last.map(String.init) : nil
        self.init(function: name ?? frame.function, file: file, line: frame.line)
    }
}

extension RankStacks {
    /// Puts Python's threads, as a tool gave them, beside the kernel's view of the same threads. A thread of which only the kernel knows is added
    /// where it is in an uninterruptible sleep: whatever it runs, the process cannot end before it.
    mutating func setThreads(_ python: [ThreadStack], beside kernel: [KernelThread]) {
        var rest = kernel
        threads = python.map { thread in
            var thread = thread
            // A process in a pid namespace of its own knows its threads by other numbers.
            let index = rest.firstIndex { other in
                thread.osID.map { $0 == Int(other.innerID ?? other.osID) }
                    ?? (thread.isMain == true && other.osID == pid)
            }
            if let index {
                let other = rest.remove(at: index)
                thread.osID = Int(other.osID)
                thread.isMain = other.osID == pid
                thread.takeKernelSide(other)
            }
            return thread
        }
        threads += rest.filter { $0.state.hasPrefix("D") }.map { ThreadStack($0, of: pid) }
    }

    /// The same without what looks like a secret in names, files and reasons, which leave the node.
    func withoutSecrets() -> RankStacks {
        var shown = self
        var known: [String: String] = [:]
        func hidden(_ text: String) -> String {
            if let before = known[text] { return before }
            let result = SecretText.hidden(in: text)
            known[text] = result
            return result
        }
        for index in shown.threads.indices {
            shown.threads[index].name = shown.threads[index].name.map(hidden)
            for frame in shown.threads[index].frames.indices {
                shown.threads[index].frames[frame].function = hidden(shown.threads[index].frames[frame].function)
                shown.threads[index].frames[frame].file = hidden(shown.threads[index].frames[frame].file)
            }
        }
        shown.refusals = shown.refusals.map(hidden)
        return shown
    }
}
