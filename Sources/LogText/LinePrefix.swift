/// What launchers, container tools and Python's exception groups put before a program's own text, in any combination: torchrun's
/// `[default0]:`, PyTorch's `[rank0]: `, a program's own `[rank 0] `, srun's `3: `, mpirun's `[1,3]<stderr>:`, Ray's `(Name pid=1, ip=…) `, `trainer-1  | `,
/// `[pod/x/y] `, `Nov 28 10:00:00 host torchrun[3738]: `, CRI's head, `  | `.
package struct LinePrefix: Hashable, Sendable {
    /// Where the program's text starts, in bytes.
    package private(set) var end = 0
    /// The rank that a prefix names.
    package private(set) var rank: Int?
    /// The same for all lines of a writer, in every process; 0 where no prefix names one.
    package private(set) var writer: UInt64 = 0
    private var hash = StableHash()

    /// How many prefixes a line may have, and how long each may be.
    private static let maximumDepth = 8
    private static let longest = 200

    /// - Parameters:
    ///   - line: without escape sequences.
    ///   - keepsMargin: whether an exception group's `  | ` is the program's text.
    package init(_ line: UnsafeRawBufferPointer, keepsMargin: Bool = false) {
        for _ in 0..<Self.maximumDepth {
            let rest = UnsafeRawBufferPointer(rebasing: line[end...])
            guard let (length, rank, isWriter) = Self.first(in: rest, keepsMargin: keepsMargin), length > 0 else {
                return
            }
            end += length
            if isWriter {
                // Without the space behind the prefix, which an empty line may lack.
                for byte in rest[..<length] where byte != 0x20 { hash.add(byte) }
                writer = hash.value | 2
            }
            self.rank = rank ?? self.rank
        }
    }

    private static func first(
        in line: UnsafeRawBufferPointer, keepsMargin: Bool
    ) -> (length: Int, rank: Int?, isWriter: Bool)? {
        if let start = ContainerLine.criPayloadStart(line) { return (start, nil, false) }
        var text = PrefixReader(line, limit: longest)
        let indent = text.skipSpaces()
        guard let next = text.peek else { return nil }
        switch next {
        case UInt8(ascii: "["): return bracket(&text).map { ($0.0, $0.1, true) }
        case UInt8(ascii: "("): return ray(&text).map { ($0.0, $0.1, true) }
        case UInt8(ascii: "|") where indent >= 2 && !keepsMargin:
            text.index += 1
            return (text.index + (text.peek == 0x20 ? 1 : 0), nil, false)
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            guard let rank = text.number(), rank < 1_000_000, text.consume(": ") else { return nil }
            return (text.index, rank, true)
        default: return indent == 0 ? word(&text) : nil
        }
    }

    /// `[default0]:`, `[rank0]: `, `[rank 0] `, `[1,3]<stderr>:`, `[pod/x/y] `
    private static func bracket(_ text: inout PrefixReader) -> (Int, Int?)? {
        text.index += 1
        let start = text.index
        if text.number() != nil, text.consume(","), let rank = text.number(), text.consume("]") {
            guard text.consume("<stderr>:") || text.consume("<stdout>:") else { return nil }
            _ = text.consume(" ")
            return (text.index, rank)
        }
        text.index = start
        if text.consume("pod/") {
            guard text.skip(to: "] ") else { return nil }
            return (text.index, nil)
        }
        if let rank = namedRank(&text) { return (text.index, rank) }
        text.index = start
        text.skipLetters()
        guard text.index > start, let rank = text.number(), text.consume("]:") else { return nil }
        _ = text.consume(" ")
        return (text.index, rank)
    }

    /// What programs write themselves: `rank 0] `, `Rank: 0] `, `rank=0]: `, `RANK0] `.
    private static func namedRank(_ text: inout PrefixReader) -> Int? {
        guard text.consume("rank") || text.consume("Rank") || text.consume("RANK") else { return nil }
        _ = text.consume(":") || text.consume("=")
        _ = text.consume(" ")
        guard let rank = text.number(), rank < 1_000_000, text.consume("]") else { return nil }
        // `[rank 0][step 5]` is one text: a prefix is a word of its own.
        let hasColon = text.consume(":")
        return text.consume(" ") || (hasColon && text.peek == nil) ? rank : nil
    }

    private static func ray(_ text: inout PrefixReader) -> (Int, Int?)? {
        text.index += 1
        guard text.skip(to: "pid="), text.number() != nil else { return nil }
        if text.consume(", ip=") {
            guard text.skip(to: ") ") else { return nil }
        } else if !text.consume(") ") {
            return nil
        }
        return (text.index, nil)
    }

    /// `trainer-1  | `, `Nov 28 10:00:00 host torchrun[3738]: `, and a word before `[default0]:`, as torchx writes it.
    private static func word(_ text: inout PrefixReader) -> (Int, Int?, Bool)? {
        // Its time changes from line to line.
        if text.syslogHead() { return (text.index, nil, false) }
        text.index = 0
        text.skipWord()
        let end = text.index
        let spaces = text.skipSpaces()
        guard end > 0, spaces > 0 else { return nil }
        if text.consume("| ") { return (text.index, nil, true) }
        guard spaces == 1, text.peek == UInt8(ascii: "["), let (_, rank) = bracket(&text), rank != nil else {
            return nil
        }
        return (end + 1, nil, false)
    }
}

extension PrefixReader {
    /// `Nov 28 10:00:00 host name[3738]: `; the kernel's lines have no number and keep theirs, since rules look for it.
    fileprivate mutating func syslogHead() -> Bool {
        skipLetters()
        guard index == 3, skipSpaces() > 0, number() != nil, consume(" "), number() != nil, consume(":"),
            number() != nil, consume(":"), number() != nil, consume(" ")
        else { return false }
        // `journalctl --no-hostname` leaves out the host.
        let host = index
        if numberedName() { return true }
        index = host
        while let byte = peek, byte > 0x20 { index += 1 }
        return consume(" ") && numberedName()
    }

    /// `name[3738]: `
    private mutating func numberedName() -> Bool {
        while let byte = peek, byte > 0x20, byte != UInt8(ascii: "[") { index += 1 }
        return consume("[") && number() != nil && consume("]: ")
    }
}
