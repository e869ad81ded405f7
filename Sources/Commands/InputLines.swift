private import Glibc
private import ZMQBridge

/// The lines of standard input, handed over as soon as they are there.
struct InputLines {
    enum Line {
        case whole([UInt8])
        /// A line that was thrown away.
        case tooLong
    }

    private let longestLine: Int
    private var block: [UInt8]
    private var unfinished: [UInt8] = []
    private var isSkipping = false
    private var isAtEnd = false

    init(readSize: Int, longestLine: Int) {
        self.longestLine = longestLine
        block = [UInt8](repeating: 0, count: readSize)
    }

    /// The lines that the next read finishes, maybe none; `nil` at the end. A last line without a newline counts.
    mutating func next() throws -> [Line]? {
        if isAtEnd { return nil }
        let count = read(STDIN_FILENO, &block, block.count)
        guard count >= 0 else {
            if errno == EINTR { return [] }
            if errno == EAGAIN {
                Readiness.awaitInput(STDIN_FILENO)
                return []
            }
            throw InputError(reason: String(cString: strerror(errno)))
        }
        var lines: [Line] = []
        guard count > 0 else {
            isAtEnd = true
            if isSkipping || !unfinished.isEmpty { finishLine(into: &lines) }
            return lines
        }
        var rest = block[..<count]
        while let newline = rest.firstIndex(of: 0x0A) {
            take(rest[..<newline])
            finishLine(into: &lines)
            rest = rest[(newline + 1)...]
        }
        take(rest)
        return lines
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>) {
        isSkipping = isSkipping || unfinished.count + bytes.count > longestLine
        if isSkipping { unfinished = [] } else { unfinished += bytes }
    }

    private mutating func finishLine(into lines: inout [Line]) {
        lines.append(isSkipping ? .tooLong : .whole(unfinished))
        unfinished = []
        isSkipping = false
    }
}

/// Standard input that could not be read.
struct InputError: Error, CustomStringConvertible {
    let reason: String

    var description: String { "standard input cannot be read: \(reason)" }
}
