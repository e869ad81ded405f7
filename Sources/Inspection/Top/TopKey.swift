/// A key of a terminal, as far as `arobust top` knows it.
package enum TopKey: Hashable, Sendable {
    /// A printable character.
    case character(Character)
    case up, down, left, right, pageUp, pageDown, home, end
    case tab, backTab, enter, escape, backspace
    /// With Ctrl: `l`, `u`, `d`.
    case control(Character)
    /// A sequence that means nothing here.
    case other
}

/// Makes keys of what a terminal sends (xterm's control sequences, which the others share).
package struct TopKeyReader: Sendable {
    /// Longer sequences are none.
    private static let longest = 32

    private var bytes: [UInt8] = []

    package init() {}

    /// Whether the beginning of a sequence waits for its rest: Escape sends the same byte, and nothing after it.
    package var isWaiting: Bool { !bytes.isEmpty }

    /// - Returns: the keys that are complete.
    package mutating func read(_ new: some Sequence<UInt8>) -> [TopKey] {
        bytes += new
        var keys: [TopKey] = []
        while let (key, length) = next() {
            keys.append(key)
            bytes.removeFirst(length)
        }
        return keys
    }

    /// Nothing more has come for a moment: what waits is taken as it is.
    package mutating func flush() -> [TopKey] {
        defer { bytes = [] }
        return bytes.isEmpty ? [] : bytes == [0x1B] ? [.escape] : [.other]
    }

    /// The first key, and how many bytes it has; `nil`: its rest has not come.
    private func next() -> (TopKey, Int)? {
        guard let first = bytes.first else { return nil }
        switch first {
        case 0x1B: return sequence()
        case 0x09: return (.tab, 1)
        case 0x0A, 0x0D: return (.enter, 1)
        case 0x08, 0x7F: return (.backspace, 1)
        case 0..<0x20: return (.control(Character(Unicode.Scalar(first | 0x60))), 1)
        case 0x20..<0x7F: return (.character(Character(Unicode.Scalar(first))), 1)
        default: return scalar(first)
        }
    }

    private func scalar(_ first: UInt8) -> (TopKey, Int)? {
        let length = first >= 0xF8 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1
        guard bytes.count >= length else { return nil }
        var decoder = UTF8()
        var rest = bytes.makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&rest) else { return (.other, 1) }
        return (.character(Character(scalar)), length)
    }

    /// ESC `[` or ESC `O`, parameters, and a letter that ends it.
    private func sequence() -> (TopKey, Int)? {
        guard bytes.count > 1 else { return nil }
        guard bytes[1] == UInt8(ascii: "[") || bytes[1] == UInt8(ascii: "O") else {
            // Escape itself, and then another key.
            return (.escape, 1)
        }
        guard let end = bytes.dropFirst(2).firstIndex(where: { (0x40...0x7E).contains($0) }) else {
            return bytes.count > Self.longest ? (.other, bytes.count) : nil
        }
        let parameters = String(decoding: bytes[2..<end], as: UTF8.self)
        let key: TopKey =
            switch (Character(Unicode.Scalar(bytes[end])), parameters) {
            case ("A", _): .up
            case ("B", _): .down
            case ("C", _): .right
            case ("D", _): .left
            case ("H", _), ("~", "1"), ("~", "7"): .home
            case ("F", _), ("~", "4"), ("~", "8"): .end
            case ("Z", _): .backTab
            case ("~", "5"): .pageUp
            case ("~", "6"): .pageDown
            default: .other
            }
        return (key, end + 1)
    }
}
