/// A text that stands in everything an expression matches, so that lines without it need not be tried.
enum RequiredText {
    /// A shorter one is in too many lines to be of use.
    static let shortest = 3

    /// The longest run of plain characters outside of groups and brackets that each match has; `nil` if none is long enough. Only what is
    /// certain counts: of an expression with a bar nothing is.
    static func of(_ pattern: String) -> [UInt8]? {
        var (best, run): ([UInt8], [UInt8]) = ([], [])
        func end(_ run: inout [UInt8]) {
            if run.count > best.count { best = run }
            run = []
        }
        let bytes = Array(pattern.utf8)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "|"): return nil
            case UInt8(ascii: "("):
                end(&run)
                guard let after = endOfGroup(bytes, index) else { return nil }
                index = after
                continue
            case UInt8(ascii: "["):
                end(&run)
                guard let after = endOfBracket(bytes, index) else { return nil }
                index = after
                continue
            case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "{"):
                // The character before need not be there.
                if !run.isEmpty { run.removeLast() }
                end(&run)
                if byte == UInt8(ascii: "{") {
                    guard let after = bytes[index...].firstIndex(of: UInt8(ascii: "}")) else { return nil }
                    index = after
                }
            case UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "$"), UInt8(ascii: "+"), UInt8(ascii: ")"):
                end(&run)
            case UInt8(ascii: "\\"):
                index += 1
                guard index < bytes.count else { return nil }
                // \w and its like; glibc has some of them.
                if isPlain(bytes[index]) { end(&run) } else { run.append(bytes[index]) }
            default: run.append(byte)
            }
            index += 1
        }
        end(&run)
        return best.count >= shortest ? best : nil
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
            || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") || "<>`'".utf8.contains(byte)
    }

    /// The index after a bracket expression, such as `[^]a-z[:space:]]`.
    static func endOfBracket(_ bytes: [UInt8], _ start: Int) -> Int? {
        var index = start + 1
        if index < bytes.count, bytes[index] == UInt8(ascii: "^") { index += 1 }
        if index < bytes.count, bytes[index] == UInt8(ascii: "]") { index += 1 }
        while index < bytes.count, bytes[index] != UInt8(ascii: "]") {
            if bytes[index] == UInt8(ascii: "["), index + 1 < bytes.count, ":.=".utf8.contains(bytes[index + 1]) {
                let mark = bytes[index + 1]
                index += 2
                while index + 1 < bytes.count, !(bytes[index] == mark && bytes[index + 1] == UInt8(ascii: "]")) {
                    index += 1
                }
                index += 1
            }
            index += 1
        }
        return index < bytes.count ? index + 1 : nil
    }

    private static func endOfGroup(_ bytes: [UInt8], _ start: Int) -> Int? {
        var (depth, index) = (0, start)
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "["):
                guard let after = endOfBracket(bytes, index) else { return nil }
                index = after
                continue
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"):
                depth -= 1
                if depth == 0 { return index + 1 }
            default: break
            }
            index += 1
        }
        return nil
    }
}
