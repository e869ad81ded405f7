internal import LogText

/// Recognizes the lines that the kernel wrote, by what stands before its message: `[  123.456789] `, `[Sat Nov 28 19:13:04 2026] `,
/// `Nov 28 19:13:04 host kernel: `, `2026-11-28T19:13:04+00:00 host kernel: `, also behind `<6>` or `kern  :err   : `.
///
/// What a program prints about the kernel has none of these, or some other program's name.
struct KernelLine {
    /// How far into a line the message may start, in bytes.
    private static let reach = 160

    /// Whether the kernel wrote this line.
    ///
    /// - Parameter isKernelLog: whether the file has the kernel's lines, so that one without any stamp is the kernel's, too, unless another
    ///   program's name stands before it.
    static func isKernel(_ line: UnsafeRawBufferPointer, isKernelLog: Bool) -> Bool {
        if line.first == UInt8(ascii: "{") { return isJournalEntry(line) }
        var text = PrefixReader(line, limit: reach)
        if !isKernelLog { text.skipLaunchersPrefix() }
        text.skipPriority()
        if text.consume("kernel: ") { return text.skipBracketedStamp() }
        if text.skipBracketedStamp() { return !text.isProgramsName }
        guard text.skipDate() else { return isKernelLog && !text.isProgramsName }
        // Only dmesg leaves out the host.
        if isKernelLog, text.hasNoHost { return true }
        text.nextWord()
        text.skipSpaces()
        return text.consume("kernel: ")
    }

    /// `journalctl -o json`, which has the kernel's lines with their transport.
    private static func isJournalEntry(_ line: UnsafeRawBufferPointer) -> Bool {
        ByteText.find(Array("\"_TRANSPORT\":\"kernel\"".utf8), in: line, ignoresCase: false) != nil
            || ByteText.find(Array("\"SYSLOG_IDENTIFIER\":\"kernel\"".utf8), in: line, ignoresCase: false) != nil
    }
}

extension PrefixReader {
    /// What a launcher or a container's runtime puts before its program's lines.
    fileprivate mutating func skipLaunchersPrefix() {
        index += LinePrefix(UnsafeRawBufferPointer(rebasing: bytes[index...])).end
    }

    /// `<6>`, or `kern  :err   : ` (`dmesg -x`).
    fileprivate mutating func skipPriority() {
        let start = index
        if consume("<") {
            skipDigits()
            if !consume(">") { index = start }
        } else if consume("kern ") {
            var colons = 0
            while colons < 2, let byte = peek {
                if byte == UInt8(ascii: ":") { colons += 1 }
                index += 1
            }
            skipSpaces()
        }
    }

    /// `[  123.456789] `, `[Sat Nov 28 19:13:04 2026] `, and with a thread (`[  123.456][  T12] `).
    fileprivate mutating func skipBracketedStamp() -> Bool {
        let start = index
        guard consume("["), let end = bytes[index...].prefix(32).firstIndex(of: UInt8(ascii: "]")) else {
            index = start
            return false
        }
        skipSpaces()
        let isSeconds = skipDigits() > 0 && consume(".") && skipDigits() >= 3
        let isDate =
            !isSeconds && bytes[index..<end].count { $0 == UInt8(ascii: ":") } == 2
            && bytes[index..<end].count { $0 == 0x20 } >= 4
        index = end + 1
        if consume("["), let second = bytes[index...].prefix(12).firstIndex(of: UInt8(ascii: "]")) {
            index = second + 1
        }
        guard isSeconds || isDate else {
            index = start
            return false
        }
        skipSpaces()
        if consume("kernel: ") { skipSpaces() }
        return true
    }

    /// `Nov 28 19:13:04 `, or any date that begins with a year and a time in one word.
    fileprivate mutating func skipDate() -> Bool {
        let start = index
        let word = nextWord()
        if word.count == 3, word.allSatisfy({ ($0 | 0x20) &- 0x61 < 26 }) {
            skipSpaces()
            if skipDigits() > 0, skipSpaces() > 0, nextWord().filter({ $0 == UInt8(ascii: ":") }).count == 2 {
                skipSpaces()
                return true
            }
        } else if word.count >= 10, word.prefix(4).allSatisfy({ $0 &- 0x30 < 10 }), word[4] == UInt8(ascii: "-") {
            skipSpaces()
            if word.contains(UInt8(ascii: ":")) { return true }
            if let next = peek, next &- 0x30 < 10, nextWord().contains(UInt8(ascii: ":")) {
                skipSpaces()
                return true
            }
        }
        index = start
        return false
    }

    /// Whether the next words are neither a host and a program's name nor a program's name.
    fileprivate var hasNoHost: Bool {
        var copy = self
        copy.nextWord()
        copy.skipSpaces()
        return !copy.isProgramsName && !copy.consume("kernel: ") && !isProgramsName
    }

    /// Whether `name[123]: ` is next, which the kernel never writes before its messages but for the process that one is about.
    fileprivate var isProgramsName: Bool {
        var copy = self
        for _ in 0..<2 {
            let word = copy.nextWord()
            if word.last == UInt8(ascii: ":"), word.dropLast().last == UInt8(ascii: "]"),
                let open = word.firstIndex(of: UInt8(ascii: "[")), open > 0,
                word[(open + 1)..<(word.count - 2)].allSatisfy({ $0 &- 0x30 < 10 })
            {
                // `python[123]: segfault at 0 ip …` is the kernel's.
                copy.skipSpaces()
                return !copy.consume("segfault at ") && !copy.consume("general protection")
            }
            copy.skipSpaces()
        }
        return false
    }

    /// The next word, up to a space; the spaces behind it are left.
    @discardableResult fileprivate mutating func nextWord() -> [UInt8] {
        let start = index
        while let byte = peek, byte > 0x20 { index += 1 }
        return Array(bytes[start..<index])
    }
}
