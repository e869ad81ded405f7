/// A line as it is shown, and what stands at its start.
enum LineText {
    /// The longest text of a line that is shown, in bytes.
    static let longest = 1000

    /// The line's text, without white space at its end. Bytes that are no UTF-8 are replaced.
    static func shown(_ line: UnsafeRawBufferPointer) -> String {
        var end = min(line.count, longest)
        while end > 0, line[end - 1] == 0x20 || line[end - 1] == 0x0D { end -= 1 }
        return String(decoding: line[..<end], as: UTF8.self)
    }

    /// The rank that the line names as its own: `[rank3]` as PyTorch writes it, `[default3]` as its launcher does.
    static func rank(of line: UnsafeRawBufferPointer) -> Int? {
        let head = UnsafeRawBufferPointer(rebasing: line[..<min(line.count, 96)])
        for prefix in ["[rank", "[default"] {
            guard let found = ByteText.find(Array(prefix.utf8), in: head, ignoresCase: false) else { continue }
            var text = TimeText(bytes: head, index: found + prefix.utf8.count)
            if let rank = text.number(), text.take(oneOf: "]") != nil { return rank }
        }
        return nil
    }
}
