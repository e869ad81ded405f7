internal import LogText

/// The line with which a traceback begins: `Traceback (most recent call last):` behind some prefix, or a frame.
struct TracebackHead {
    /// How many lines may stand between the mark and the first frame: those of other ranks.
    private static let frameReach = 24

    private let text: [UInt8]
    /// Where the mark, or the frame, starts.
    private let position: Int
    let isFrame: Bool
    /// Whether rich draws a box around it.
    let isBoxed: Bool
    let isGroup: Bool
    private let isInner: Bool

    init?(_ text: [UInt8]) {
        func find(_ word: String) -> Int? {
            text.withUnsafeBytes { ByteText.find(Array(word.utf8), in: $0, ignoresCase: false) }
        }
        self.text = text
        if let mark = find(TracebackReader.mark) {
            position = mark
            isFrame = false
            let before = text[..<mark]
            isBoxed = before.suffix(16).contains(0xE2)
            isGroup = before.reversed().starts(with: "Exception Group ".utf8.reversed())
            isInner = before.reversed().starts(with: "Original ".utf8.reversed())
        } else if let frame = find(TracebackReader.frame), find("\", line ") != nil {
            position = frame
            isFrame = true
            (isBoxed, isGroup, isInner) = (false, false, false)
        } else {
            return nil
        }
    }

    /// What stands before the traceback's other lines; `nil` if no frame and no exception follows.
    func prefix(before lines: TracebackLines) -> TracebackPrefix? {
        if isFrame { return TracebackPrefix(text[..<position], isShape: false) }
        if isBoxed { return boxPrefix(lines) }
        let own = text[..<position]
        let shape = TracebackPrefix(own, isShape: true)
        let exact = Self.hasTime(own) ? shape : TracebackPrefix(own, isShape: false)
        let launcher = TracebackPrefix(own.prefix(text.withUnsafeBytes { LinePrefix($0).end }), isShape: false)
        var lines = lines
        for _ in 0..<Self.frameReach {
            guard let line = lines.next() else { return nil }
            if isGroup, let frame = Self.frame(in: line.text), line.text[..<frame].contains(UInt8(ascii: "|")) {
                return TracebackPrefix(line.text[..<frame], isShape: false)
            }
            for prefix in [exact, shape, launcher] {
                guard let end = prefix.end(in: line.text) else { continue }
                let rest = line.text[end...]
                if rest.starts(with: TracebackReader.frame.utf8) { return prefix }
                if prefix.count > 0 || own.isEmpty, ExceptionLine.isException(rest), !rest.isEmpty { return prefix }
            }
            // The launcher's report indents what it quotes.
            if let frame = Self.frame(in: line.text), line.text[..<frame].allSatisfy({ $0 == 0x20 }) {
                return TracebackPrefix(line.text[..<frame], isShape: false)
            }
        }
        return nil
    }

    /// Whether its digits change from line to line.
    private static func hasTime(_ prefix: ArraySlice<UInt8>) -> Bool {
        prefix.indices.dropFirst().dropLast().contains { index in
            prefix[index] == UInt8(ascii: ":") && prefix[index - 1] &- 0x30 < 10 && prefix[index + 1] &- 0x30 < 10
        }
    }

    private static func frame(in text: [UInt8]) -> Int? {
        text.withUnsafeBytes { ByteText.find(Array(TracebackReader.frame.utf8), in: $0, ignoresCase: false) }
    }

    /// What stands before the box's left edge.
    private func boxPrefix(_ lines: TracebackLines) -> TracebackPrefix? {
        guard let edge = text.firstIndex(of: 0xE2) else { return nil }
        return TracebackPrefix(text[..<edge], isShape: true)
    }

    /// Whether a line without its prefix is one of a traceback's before the exception.
    static func isBody(_ rest: ArraySlice<UInt8>, isBoxed: Bool) -> Bool {
        guard let first = rest.first else { return true }
        if first == 0x09 || first == 0x20 && (rest.dropFirst().first ?? 0x20) == 0x20 { return true }
        return isBoxed && (rest.starts(with: "│".utf8) || rest.starts(with: "╰".utf8) || rest.starts(with: "╭".utf8))
    }

    static func isChainMark(_ rest: ArraySlice<UInt8>) -> Bool {
        rest.starts(with: "The above exception was the direct cause".utf8)
            || rest.starts(with: "During handling of the above exception".utf8)
    }

    /// - Parameter before: the lines before the traceback, the last first, without prefixes.
    func standing(_ before: [[UInt8]], _ prefix: TracebackPrefix) -> RaisedException.Standing {
        func has(_ words: [String], within count: Int) -> Bool {
            before.prefix(count).contains { line in words.contains { line.starts(with: $0.utf8) } }
        }
        if has(
            [
                "Exception ignored ", "--- Logging error ---", "Error in atexit._run_exitfuncs",
                "Error in sys.excepthook",
            ], within: 2)
        {
            return .ignored
        }
        if has(["Exception in thread ", "Exception in callback ", "Task exception was never retrieved"], within: 2) {
            return .inThread
        }
        if isFrame || isInner { return .raised }
        let own = text[..<position]
        if own.reversed().starts(with: "traceback : ".utf8.reversed()) { return .raised }
        // A logger that calls this a warning, or less, and a warning before it.
        let isWarning = Self.has(["WARN", "Warning:", "warning:", "INFO ", "[INFO", "DEBUG"], in: own.prefix(120))
        let isBehindWarning =
            before.first.map { Self.has(["WARNING", "[warning", " WARN "], in: $0.prefix(80)) } ?? false
        return prefix.isIndent || isWarning || isBehindWarning ? .quoted : .raised
    }

    private static func has(_ words: [String], in text: ArraySlice<UInt8>) -> Bool {
        text.withUnsafeBytes { bytes in
            words.contains { ByteText.find(Array($0.utf8), in: bytes, ignoresCase: false) != nil }
        }
    }
}

/// The line that says what was raised: a class's name, and a message.
enum ExceptionLine {
    /// How much of it is compared with the rules, in bytes.
    private static let longest = 4096
    private static let levels = ["INFO", "ERROR", "WARNING", "WARN", "DEBUG", "CRITICAL", "FATAL", "TRACE", "NOTE"]

    /// Whether it begins with a name as classes of exceptions have them: in a traceback any with a capital letter or a dot.
    static func isException(_ text: ArraySlice<UInt8>) -> Bool {
        guard let name = name(of: text), let first = last(of: name).first else { return false }
        let isCapital = first &- 0x41 < 26 || first == UInt8(ascii: "_")
        guard isCapital || name.contains(0x2E) else { return false }
        return !levels.contains { name.elementsEqual($0.utf8) }
    }

    private static let endings = ["Error", "Exception", "Interrupt", "Exit", "Iteration", "Group", "Warning"]

    /// Whether it says by itself that something was raised: by the class's name, and no number follows, as after the name of a metric.
    static func isBareException(_ text: ArraySlice<UInt8>) -> Bool {
        guard isException(text), let name = name(of: text), hasEnding(name) else { return false }
        let message = text.dropFirst(name.count).drop { $0 == UInt8(ascii: ":") || $0 == 0x20 }
        return message.isEmpty
            ? text.count == name.count : !message.allSatisfy { $0 &- 0x30 < 10 || " .,%+-e".utf8.contains($0) }
    }

    /// The same of what is reported as an error: a name with a dot is enough, and whatever follows.
    static func isReportedException(_ text: ArraySlice<UInt8>) -> Bool {
        guard isException(text), let name = name(of: text) else { return false }
        return name.contains(0x2E) || hasEnding(name)
    }

    private static func hasEnding(_ name: ArraySlice<UInt8>) -> Bool {
        endings.contains { name.reversed().starts(with: $0.utf8.reversed()) }
    }

    /// The line without white space at its end. Where two ranks' lines ran into each other, the name stands once.
    static func normalized(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var text = Array(text.prefix(longest))
        while let last = text.last, last <= 0x20 { text.removeLast() }
        guard let name = name(of: text[...]), name.count.isMultiple(of: 2), name.count >= 10 else { return text }
        let half = name.count / 2
        if name.prefix(half).elementsEqual(name.suffix(half)) { text.removeFirst(half) }
        return text
    }

    /// `torch.OutOfMemoryError`, if nothing or a colon follows.
    private static func name(of text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let name = text.prefix { byte in
            (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x5F || byte == 0x2E
        }
        guard !name.isEmpty, name.count <= 200, !(name.first! &- 0x30 < 10) else { return nil }
        let rest = text[name.endIndex...]
        guard let next = rest.first else { return name }
        if next == UInt8(ascii: ":") { return name }
        // `RayTaskError(ValueError): …`
        if next == UInt8(ascii: "("), let end = rest.firstIndex(of: UInt8(ascii: ")")),
            rest[end...].dropFirst().first == UInt8(ascii: ":")
        {
            return name
        }
        return rest.allSatisfy { $0 <= 0x20 } ? name : nil
    }

    private static func last(of name: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        name.lastIndex(of: 0x2E).map { name[($0 + 1)...] } ?? name
    }
}
