internal import SystemSupport

/// A line as it is shown, and the rank in its prefix.
enum LineText {
    /// How much of a line is shown, in bytes.
    static let maximumBytes = 1000

    /// The line's text without white space at its end, a container's envelope and escape sequences; control characters are written out, and
    /// bytes that are not UTF-8 are replaced.
    static func shown(_ line: UnsafeRawBufferPointer) -> String {
        var end = line.count
        while end > 0, line[end - 1] == 0x20 || line[end - 1] == 0x0D { end -= 1 }
        let text = ProgramText.shown(UnsafeRawBufferPointer(rebasing: line[..<end]))
        return text.utf8.count <= maximumBytes ? text : String(decoding: text.utf8.prefix(maximumBytes), as: UTF8.self)
    }

    /// The rank in the line's prefix: PyTorch writes `[rank3]`, its launcher `[default3]`, srun `3: `; `LinePrefix` lists others.
    static func rank(of line: UnsafeRawBufferPointer) -> Int? {
        let head = UnsafeRawBufferPointer(rebasing: line[..<min(line.count, 96)])
        for prefix in ["[rank", "[default"] {
            guard let found = ByteText.find(Array(prefix.utf8), in: head, ignoresCase: false) else { continue }
            var text = TimeReader(bytes: head, index: found + prefix.utf8.count)
            if let rank = text.number(), text.consume(oneOf: "]") != nil { return rank }
        }
        return ProgramText(line).rank
    }
}
