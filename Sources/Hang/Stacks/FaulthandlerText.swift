/// Reads what CPython's faulthandler writes (`Python/traceback.c`, `_Py_DumpTracebackThreads`): what `dump_traceback` of PyTorch's worker
/// server answers, and what a Python process writes when a signal ends it.
///
///     Thread 0x00007f9ea3c5db80 [MainThread] (most recent call first):
///       File "/srv/train.py", line 16 in <module>
///
/// The name in brackets is there from Python 3.14 on. A thread ends at an empty line, or where the next one begins; lines of no thread are
/// passed over, so a dump may stand in a log.
package enum FaulthandlerText {
    /// More threads are not read; CPython itself writes 100.
    private static let mostThreads = 1000
    /// More calls of one thread are not read; CPython itself writes 100.
    private static let mostFrames = 1000

    /// The threads in the order of the text, without the one that wrote it where that is none of Python's: the worker server's.
    ///
    /// CPython lists the newest thread first, so the last one is the thread in which the program began, unless the list was cut off.
    ///
    /// - Returns: `nil` if the text holds no thread at all.
    package static func threads(in text: some StringProtocol) -> [ThreadStack]? {
        var reader = Reader()
        for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            reader.read(String(decoding: line, as: UTF8.self)[...])
        }
        return reader.result()
    }

    private struct Reader {
        private var threads: [(stack: ThreadStack, isWriter: Bool)] = []
        private var isInThread = false
        private var isCutOff = false

        mutating func read(_ line: Substring) {
            let line = line.last == "\r" ? line.dropLast() : line
            if let (name, isWriter) = header(line) {
                isInThread = threads.count < mostThreads
                isCutOff = !isInThread
                if isInThread { threads.append((ThreadStack(name: name), isWriter)) }
            } else if line == "..." {
                // More than a hundred threads: the oldest are left out.
                (isInThread, isCutOff) = (false, true)
            } else if isInThread, let frame = frame(line) {
                let last = threads.count - 1
                if threads[last].stack.frames.count < mostFrames { threads[last].stack.frames.append(frame) }
            } else if !line.hasPrefix("  ") {
                isInThread = false
            }
        }

        func result() -> [ThreadStack]? {
            guard !threads.isEmpty else { return nil }
            var threads = threads
            for index in threads.indices { threads[index].stack.isMain = isCutOff ? nil : index == threads.count - 1 }
            return threads.filter { !$0.isWriter || !$0.stack.frames.isEmpty }.map(\.stack)
        }

        /// `Thread 0x00007f9ea3c5db80 [name] (most recent call first):`, and `Current thread` for the one that writes.
        private func header(_ line: Substring) -> (name: String?, isWriter: Bool)? {
            let isWriter = line.hasPrefix("Current thread 0x")
            guard isWriter || line.hasPrefix("Thread 0x"), line.hasSuffix(" (most recent call first):") else {
                return nil
            }
            let subject = line.dropLast(" (most recent call first):".count)
            guard let open = subject.firstIndex(of: "["), subject.hasSuffix("]") else { return (nil, isWriter) }
            let name = subject[subject.index(after: open)...].dropLast()
            return (name.isEmpty ? nil : String(name), isWriter)
        }

        /// `  File "/srv/train.py", line 16 in <module>`; `???` stands for what CPython could not read.
        private func frame(_ line: Substring) -> StackFrame? {
            guard line.hasPrefix("  File ") else { return nil }
            let rest = line.dropFirst("  File ".count)
            // A file's name may hold anything, the words behind it too: the last ones count.
            guard let words = lastRange(of: ", line ", in: rest) else { return nil }
            var file = rest[..<words.lowerBound]
            if file.hasPrefix("\""), file.hasSuffix("\""), file.count > 1 { file = file.dropFirst().dropLast() }
            let place = rest[words.upperBound...]
            guard let space = place.firstIndex(of: " "), place[space...].hasPrefix(" in ") else { return nil }
            return StackFrame(
                function: String(place[space...].dropFirst(" in ".count)), file: file == "???" ? "" : String(file),
                line: Int(place[..<space]) ?? 0)
        }

        private func lastRange(of word: String, in text: Substring) -> Range<Substring.Index>? {
            let (bytes, wanted) = (text.utf8, Array(word.utf8))
            guard bytes.count >= wanted.count else { return nil }
            var start = bytes.index(bytes.endIndex, offsetBy: -wanted.count)
            while true {
                if bytes[start...].starts(with: wanted) {
                    return start..<bytes.index(start, offsetBy: wanted.count)
                }
                guard start > bytes.startIndex else { return nil }
                start = bytes.index(before: start)
            }
        }
    }
}
