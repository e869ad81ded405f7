internal import LogText

/// Follows the events that take several lines: tracebacks, stacks, panics, dumps. One event a writer is open at a time; the prefix that a
/// launcher puts before its lines tells who wrote them.
///
/// A body goes on until its own last line. After it, or where a kind has no last line, it goes on only with lines that look like a part of it.
struct EventTracker: Sendable {
    /// Where a line stands.
    struct Step {
        /// Whether an event spans the boundary before the line.
        var isInside: Bool
        /// The number of the event that the line belongs to, counted from the tracker's start.
        var event: Int?
        /// Whether a prefix names the line's writer.
        var isNamed = false
    }

    enum Kind { case python, group, stack, java, go, rust, nccl, kernel }

    private struct Open: Sendable {
        var key: UInt64
        var kind: Kind
        var number: Int
        /// Whether the traceback's own last line is still to come.
        var isBody: Bool
        var plainLines = 0
        var blankLines = 0
        var foreignLines = 0
    }

    /// More writers than this can't have an event open: the one longest silent is closed.
    static let mostOpen = 256
    private var open: [Open] = []
    private var count = 0
    /// Whether a container runtime wrote the lines.
    private let isContainerFile: Bool
    /// The streams of which the runtime has split a line whose rest is still to come.
    private var split: Set<String> = []

    init(isContainerFile: Bool = false) {
        self.isContainerFile = isContainerFile
    }

    var isOpen: Bool { !open.isEmpty || !split.isEmpty }

    /// Whether a plain line would change nothing, and is in no event.
    var isOutside: Bool { open.isEmpty && !isContainerFile }

    /// Whether the line, with or without its `\n`, is one as most are: it begins with a date, and no event with it.
    static func isPlain(_ line: UnsafeRawBufferPointer) -> Bool {
        let line = LineBytes(line)
        return isPlain(line.ends("\n") ? line.first(line.count - 1) : line)
    }

    private static func isPlain(_ line: LineBytes) -> Bool { isDated(line) && !isNCCLWarning(line) }

    /// - Parameter line: with or without its `\n`.
    mutating func next(_ line: UnsafeRawBufferPointer) -> Step {
        var line = LineBytes(line)
        if line.ends("\n") { line = line.first(line.count - 1) }
        guard isContainerFile, let container = ContainerLine(line.bytes) else { return next(text: line) }
        let isInside = !split.isEmpty
        let isRest = split.contains(container.stream)
        if container.isPartial { split.insert(container.stream) } else { split.remove(container.stream) }
        guard !isRest else { return Step(isInside: true, event: nil) }
        var step = container.payload.withUnsafeBytes { next(text: LineBytes($0)) }
        step.isInside = step.isInside || isInside
        return step
    }

    /// Whether the line begins with a date, as most do: no launcher's prefix does, and only NCCL's event has one.
    private static func isDated(_ line: LineBytes) -> Bool {
        line.count > 10 && line[4] == UInt8(ascii: "-") && line[7] == UInt8(ascii: "-") && isDigit(line[0])
    }

    private mutating func next(text line: LineBytes) -> Step {
        if isOutside, Self.isPlain(line) { return Step(isInside: false, event: nil) }
        let prefix = LinePrefix(line.bytes, keepsMargin: true)
        var key = prefix.writer
        var text = line.dropping(prefix.end)
        if let length = Self.kernelStamp(text) {
            key = Self.kernel
            text = text.dropping(length)
        }
        var step = Step(isInside: false, event: nil)
        if !open.isEmpty {
            step = advance(text, key: key)
        } else if let started = Self.opening(text) {
            step.event = begin(started, key)
        }
        step.isNamed = prefix.writer != 0
        return step
    }

    /// The key of the kernel's lines, which is no hash of a prefix.
    private static let kernel: UInt64 = 1

    /// How long a stamp as dmesg's is: `[  123.456789] `.
    private static func kernelStamp(_ text: LineBytes) -> Int? {
        guard text.count > 4, text[0] == UInt8(ascii: "[") else { return nil }
        var end = 1
        while end < min(text.count, 12), text[end] == 0x20 { end += 1 }
        let seconds = text.digits(from: end)
        guard seconds > 0, end + seconds + 1 < text.count, text[end + seconds] == UInt8(ascii: ".") else { return nil }
        end += seconds + 1
        end += text.digits(from: end)
        guard end + 1 < text.count, text[end] == UInt8(ascii: "]"), text[end + 1] == 0x20 else { return nil }
        return end + 2
    }

    private mutating func advance(_ text: LineBytes, key: UInt64) -> Step {
        var event: Int?
        for index in open.indices.reversed() {
            guard open[index].key == key else {
                open[index].foreignLines += 1
                if open[index].foreignLines > (open[index].isBody ? 256 : 64) { open.remove(at: index) }
                continue
            }
            open[index].foreignLines = 0
            let number = open[index].number
            switch Self.goesOn(&open[index], text) {
            case .yes: event = number
            case .last:
                // The line belongs to the event, and nothing after it does.
                open.remove(at: index)
                return Step(isInside: true, event: number)
            case .no: open.remove(at: index)
            }
        }
        if let event { return Step(isInside: true, event: event) }
        let isInside = !open.isEmpty
        return Step(isInside: isInside, event: Self.opening(text).map { begin($0, key) })
    }

    private mutating func begin(_ started: (kind: Kind, isBody: Bool), _ key: UInt64) -> Int {
        if open.count >= Self.mostOpen,
            let oldest = open.indices.max(by: { open[$0].foreignLines < open[$1].foreignLines })
        {
            open.remove(at: oldest)
        }
        open.append(Open(key: key, kind: started.kind, number: count, isBody: started.isBody))
        count += 1
        return count - 1
    }

    private enum Answer { case yes, last, no }

    private static func goesOn(_ event: inout Open, _ text: LineBytes) -> Answer {
        if event.kind == .kernel { return text.starts("---[ end trace") ? .last : .yes }
        if event.kind == .nccl { return text.first(160).contains(" NCCL ") ? .yes : .no }
        if text.isBlank {
            event.blankLines += 1
            return event.blankLines <= 2 || event.isBody ? .yes : .no
        }
        let followsBlank = event.blankLines > 0
        event.blankLines = 0
        if isChained(text) {
            event.isBody = true
            return .yes
        }
        if text[0] == 0x20 || text[0] == 0x09 { return .yes }
        if event.isBody {
            // In a chain the next traceback comes now; otherwise this is the exception's own line.
            if event.kind == .group { return .no }
            if !text.starts("Traceback (most") { event.isBody = false }
            return .yes
        }
        if event.kind == .python, text.starts("Traceback (most") { return .no }
        if isPart(text, of: event.kind) { return .yes }
        guard !followsBlank, !looksLikeRecord(text), event.kind != .group else { return .no }
        event.plainLines += 1
        return event.plainLines <= 4 ? .yes : .no
    }

    private static func isChained(_ text: LineBytes) -> Bool {
        text.starts("During handling of the above exception") || text.starts("The above exception was the direct cause")
    }

    /// Lines that begin at the left and yet belong to an event of this kind.
    private static func isPart(_ text: LineBytes, of kind: Kind) -> Bool {
        switch kind {
        case .go:
            return text.starts("goroutine ") || text.starts("created by ") || text.starts("[signal ") || text.ends(")")
                || text.starts("exit status")
        case .rust: return text.starts("note:") || text.starts("stack backtrace:")
        case .java: return text.starts("Caused by:") || text.starts("...")
        default:
            return text.starts("frame #") || text.starts("Exception raised from ") || text.starts("CUDA kernel errors")
                || text.starts("For debugging consider") || text.starts("Compile with `TORCH_USE")
                || text.starts("*** ")
                || text.starts("terminate called") || text.starts("Device-side assert")
                || text.starts("Search for `cuda")
                || (text[0] == UInt8(ascii: "#") && text.digits(from: 1) > 0) || text.starts("=======")
                || text.starts("Thread ") || text.starts("Current thread") || text.starts("Extension modules:")
                || text.starts("PC: @") || text.starts("Aborted") || text.starts("Signal") || text.starts("Failing at")
                || (text[0] == UInt8(ascii: "/") && text.contains("[0x"))
                || (text[0] == UInt8(ascii: "[") && (text.contains("ProcessGroupNCCL") || text.contains("+0x")))
        }
    }

    /// Whether a line begins as a log's records do, so that it can't be the rest of an exception's message.
    private static func looksLikeRecord(_ text: LineBytes) -> Bool {
        if isDigit(text[0]) || text[0] == UInt8(ascii: "[") || text[0] == UInt8(ascii: "{")
            || text[0] == UInt8(ascii: "<")
        {
            return true
        }
        let front = text.first(48)
        return front.contains("INFO") || front.contains("WARN") || front.contains("ERROR") || front.contains("DEBUG")
            || text.starts("step") || text.starts("epoch") || front.contains("=")
    }
}
