/// Reads what `py-spy dump` prints for people:
///
///     Thread 812 (active+gil): "MainThread"
///         all_reduce (torch/distributed/distributed_c10d.py:4174)
///
/// The text of arobust's `STACK_TRACE` metrics is the same below a header line for each process, `Process 812, rank 3, …`.
package enum PySpyText {
    private static let mostThreads = 10_000

    /// - Returns: one value a process; none if it is no such text.
    package static func stacks(in text: String, rank: Int?) -> [RankStacks] {
        var found: [RankStacks] = []
        var threads = 0
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("Process ") {
                found.append(process(line, rank: rank))
            } else if line.hasPrefix("Thread "), let thread = thread(line) {
                if found.isEmpty { found.append(RankStacks(rank: rank, source: "py-spy")) }
                threads += 1
                guard threads <= mostThreads else { break }
                found[found.count - 1].threads.append(thread)
            } else if line.first?.isWhitespace == true, let last = found.indices.last, !found[last].threads.isEmpty {
                let place = found[last].threads.count - 1
                if let frame = frame(line), found[last].threads[place].frames.count < 1000 {
                    found[last].threads[place].frames.append(frame)
                }
            }
        }
        return found.filter { !$0.threads.isEmpty }
    }

    /// `Process 812, rank 3, local rank 1, S (sleeping): python train.py`; py-spy itself writes `Process 812: python train.py`.
    private static func process(_ line: Substring, rank: Int?) -> RankStacks {
        var stacks = RankStacks(rank: rank, source: "py-spy")
        let head = line.dropFirst("Process ".count).prefix { $0 != ":" }
        for (index, part) in head.split(separator: ",").enumerated() {
            let words = part.split(separator: " ")
            if index == 0 { stacks.pid = words.first.flatMap { Int32($0) } ?? 0 }
            if words.count == 2, words[0] == "rank" { stacks.rank = Int(words[1]) ?? rank }
            if words.count == 3, words[0] == "local" { stacks.localRank = Int(words[2]) }
            if words.count >= 2, words[1].hasPrefix("("), words[0].count == 1 { stacks.state = String(words[0]) }
        }
        return stacks
    }

    private static func thread(_ line: Substring) -> ThreadStack? {
        guard let open = line.firstIndex(of: "("), let close = line[open...].firstIndex(of: ")") else { return nil }
        let status = line[line.index(after: open)..<close]
        var thread = ThreadStack()
        thread.osID = Int(line.dropFirst("Thread ".count).prefix { $0.isHexDigit || $0 == "x" })
        thread.isActive = status.hasPrefix("active")
        thread.ownsGIL = status.contains("gil")
        if let quote = line[close...].firstIndex(of: "\"") {
            thread.name = String(line[line.index(after: quote)...].prefix { $0 != "\"" }.prefix(256))
        }
        return thread
    }

    /// `    all_reduce (torch/distributed/distributed_c10d.py:4174)`
    private static func frame(_ line: Substring) -> StackFrame? {
        let text = line.drop { $0.isWhitespace }
        guard text.last == ")", let open = text.lastIndex(of: "("), let gap = text[..<open].last, gap == " " else {
            return nil
        }
        let inside = text[text.index(after: open)...].dropLast()
        let function = String(text[..<open].dropLast().prefix(512))
        guard let colon = inside.lastIndex(of: ":"), let number = Int(inside[inside.index(after: colon)...]) else {
            return StackFrame(function: function, file: String(inside.prefix(1024)))
        }
        return StackFrame(function: function, file: String(inside[..<colon].prefix(1024)), line: number)
    }
}
