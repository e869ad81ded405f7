internal import LogText
internal import SystemSupport

/// What the program itself wrote in a line: without a container runtime's envelope, colours, and launchers' prefixes.
package struct ProgramText {
    package private(set) var bytes: [UInt8]
    package private(set) var rank: Int?

    /// - Parameter line: as it is in the file, without its end.
    package init(_ line: UnsafeRawBufferPointer) {
        let plain = Self.plain(line)
        if let message = JournalEntry.message(of: plain) {
            (bytes, rank) = (message, nil)
            return
        }
        let prefix = plain.withUnsafeBytes { LinePrefix($0) }
        bytes = prefix.end == 0 ? plain : Array(plain[prefix.end...])
        rank = prefix.rank
    }

    /// The texts to try the rules with: the program's own text where it differs from the line, or the lines of a traceback that a field of a
    /// structured log has.
    static func pieces(of line: UnsafeRawBufferPointer) -> [[UInt8]] {
        let text = ProgramText(line).bytes
        guard text.first == UInt8(ascii: "{") else { return text.count == line.count ? [] : [text] }
        var pieces: [[UInt8]] = []
        var start = 0
        for index in text.indices.dropLast() where text[index] == 0x5C && text[index + 1] == UInt8(ascii: "n") {
            guard index >= start, pieces.count < maximumPieces else { continue }
            pieces.append(Array(text[start..<index]))
            start = index + 2
        }
        if start > 0 { pieces.append(Array(text[start...])) }
        // The last line of a traceback says what was raised.
        return pieces.reversed()
    }

    /// The most lines of one field that are tried.
    private static let maximumPieces = 200

    /// The line's whole text as it may be shown on a terminal: unwrapped, without colours, with its prefixes.
    static func shown(_ line: UnsafeRawBufferPointer) -> String {
        TerminalText.lines(String(decoding: plain(line), as: UTF8.self))
    }

    /// Without Docker's envelope and escape sequences.
    static func plain(_ line: UnsafeRawBufferPointer) -> [UInt8] {
        let unwrapped = line.first == UInt8(ascii: "{") ? ContainerLine(line)?.payload : nil
        return unwrapped?.withUnsafeBytes(EscapeSequences.strip) ?? EscapeSequences.strip(line)
    }
}
