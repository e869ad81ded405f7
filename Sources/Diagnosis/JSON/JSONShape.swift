/// A strict look at a JSON text before Foundation decodes it, which takes the last of two equal keys and says nothing.
package struct JSONShape {
    /// Where a text is wrong, in words for whoever wrote it.
    package struct Problem: Error, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// How deep arrays and objects may be nested in each other.
    private static let deepest = 32
    /// Of a key that a message repeats, in bytes.
    private static let longestShownKey = 64

    private let json: ArraySlice<UInt8>
    private var index: Int

    private init(_ json: ArraySlice<UInt8>) {
        self.json = json
        index = json.startIndex
    }

    /// Checks that the text is one JSON value in which no object has a key twice, in time that is linear in its length. Numbers and words
    /// are left to the decoder.
    package static func check(_ json: ArraySlice<UInt8>) throws(Problem) {
        var shape = JSONShape(json)
        try shape.passValue(depth: 0)
        shape.skipSpace()
        guard shape.index == json.endIndex else { throw shape.problem("expected nothing after the value") }
    }

    private mutating func passValue(depth: Int) throws(Problem) {
        guard depth <= Self.deepest else { throw problem("nested more than \(Self.deepest) deep") }
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): try passObject(depth: depth)
        case UInt8(ascii: "["): try passArray(depth: depth)
        case UInt8(ascii: "\""): _ = try passString()
        case nil: throw problem("the text ends where a value is expected")
        default:
            let start = index
            while let byte = peek, !Self.endsWord(byte) { index += 1 }
            guard index > start else { throw problem("expected a value") }
        }
    }

    private mutating func passObject(depth: Int) throws(Problem) {
        index += 1
        var keys: Set<String> = []
        skipSpace()
        guard !skip("}") else { return }
        repeat {
            skipSpace()
            let start = index
            let key = JSONString.unescape(json[try passString()])
            guard keys.insert(key).inserted else {
                index = start
                throw problem("key '\(key.utf8.count <= Self.longestShownKey ? key : "(a long one)")' stands twice")
            }
            skipSpace()
            guard skip(":") else { throw problem("expected ':' after a key") }
            try passValue(depth: depth + 1)
            skipSpace()
        } while skip(",")
        guard skip("}") else { throw problem("expected ',' or '}'") }
    }

    private mutating func passArray(depth: Int) throws(Problem) {
        index += 1
        skipSpace()
        guard !skip("]") else { return }
        repeat {
            try passValue(depth: depth + 1)
            skipSpace()
        } while skip(",")
        guard skip("]") else { throw problem("expected ',' or ']'") }
    }

    /// Passes a string and returns the range of its inside, in which every escape is complete.
    private mutating func passString() throws(Problem) -> Range<Int> {
        guard skip("\"") else { throw problem("expected a string") }
        let start = index
        while let byte = peek {
            index += 1
            if byte == UInt8(ascii: "\"") { return start..<(index - 1) }
            guard byte >= 0x20 else {
                index -= 1
                throw problem("a control character in a string must be escaped")
            }
            guard byte == UInt8(ascii: "\\") else { continue }
            let isLong = peek == UInt8(ascii: "u")
            index += isLong ? 5 : 1
            guard index <= json.endIndex else { break }
        }
        throw problem("a string has no end")
    }

    private static func endsWord(_ byte: UInt8) -> Bool {
        byte <= 0x20 || ",:{}[]\"".utf8.contains(byte)
    }

    private var peek: UInt8? {
        index < json.endIndex ? json[index] : nil
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private func problem(_ text: String) -> Problem {
        Problem(description: "at byte \(min(index, json.endIndex) - json.startIndex): \(text)")
    }
}
