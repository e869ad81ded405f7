internal import Glibc
private import SystemPackage
internal import SystemSupport

/// The lines of standard input, handed over as soon as they are there. Blocking.
struct InputLines {
    enum Line: Equatable {
        case whole([UInt8])
        /// A line that was too long to be kept.
        case tooLong
    }

    private let descriptor: CInt
    private let longestLine: Int
    private var block: [UInt8]
    private var unfinished: [UInt8] = []
    private var isSkipping = false
    private var isAtEnd = false
    private var isFirst = true

    /// - Parameters:
    ///   - descriptor: what to read; stays open.
    ///   - readSize: how many bytes one read may bring.
    ///   - longestLine: how many bytes a line may have, without its newline.
    init(of descriptor: CInt = STDIN_FILENO, readSize: Int, longestLine: Int) {
        self.descriptor = descriptor
        self.longestLine = longestLine
        block = [UInt8](repeating: 0, count: readSize)
    }

    /// The lines that the next read finishes, maybe none; `nil` at the end. A last line without a newline counts. A carriage return
    /// before the newline belongs to the line.
    mutating func next() throws -> [Line]? {
        if isAtEnd { return nil }
        let count = read(descriptor, &block, block.count)
        guard count >= 0 else {
            switch errno {
            case EINTR: break
            case EAGAIN: Readiness.awaitInput(descriptor)
            default: throw SystemCallError("read", path: "standard input")
            }
            return []
        }
        var lines: [Line] = []
        guard count > 0 else {
            isAtEnd = true
            if isSkipping || !unfinished.isEmpty { finishLine(into: &lines) }
            return lines
        }
        var rest = block[..<count]
        while let newline = rest.firstIndex(of: 0x0A) {
            append(rest[..<newline])
            finishLine(into: &lines)
            rest = rest[(newline + 1)...]
        }
        append(rest)
        return lines
    }

    /// All of standard input, which may be a pipe.
    ///
    /// - Throws: `SystemCallError`, also for more than `limit` bytes.
    static func whole(limit: Int) throws(SystemCallError) -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(STDIN_FILENO, &block, block.count)
            if count == 0 { return bytes }
            guard count > 0 else {
                switch errno {
                case EINTR: continue
                case EAGAIN: Readiness.awaitInput(STDIN_FILENO)
                default: throw SystemCallError("read", path: "standard input")
                }
                continue
            }
            guard bytes.count + count <= limit else {
                throw SystemCallError("read", path: "standard input", code: .fileTooLarge)
            }
            bytes += block[..<count]
        }
    }

    private mutating func append(_ bytes: ArraySlice<UInt8>) {
        isSkipping = isSkipping || unfinished.count + bytes.count > longestLine
        if isSkipping { unfinished = [] } else { unfinished += bytes }
    }

    private mutating func finishLine(into lines: inout [Line]) {
        // Editors and PowerShell put a byte order mark in front of the first line.
        let line = isFirst ? Array(ByteOrderMark.dropped(from: unfinished)) : unfinished
        isFirst = false
        lines.append(isSkipping ? .tooLong : .whole(line))
        unfinished = []
        isSkipping = false
    }
}
