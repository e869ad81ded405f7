/// How large an expression becomes once its repetitions are written out, as the C library does: a few bytes can stand for more than there is memory.
enum ExpressionSize {
    /// For an expression of which nothing is known but that it is at least as large as this.
    static let most = 4000

    /// The number of its single pieces; stops at `most`.
    static func of(_ pattern: String) -> Int {
        let bytes = Array(pattern.utf8)
        // The sizes of the open groups, and of the last piece of each.
        var (groups, lasts) = ([0], [0])
        func add(_ size: Int) {
            groups[groups.count - 1] = min(most, groups[groups.count - 1] + size)
            lasts[lasts.count - 1] = size
        }
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\\"):
                index += 1
                add(1)
            case UInt8(ascii: "["):
                index = (RequiredText.endOfBracket(bytes, index) ?? bytes.count) - 1
                add(1)
            case UInt8(ascii: "("):
                groups.append(0)
                lasts.append(0)
            case UInt8(ascii: ")") where groups.count > 1:
                let size = groups.removeLast()
                lasts.removeLast()
                add(size + 1)
            case UInt8(ascii: "{"):
                let end = bytes[index...].firstIndex(of: UInt8(ascii: "}")) ?? bytes.count
                let numbers = bytes[index..<end].split { !(0x30...0x39).contains($0) }
                let times = numbers.compactMap { Int(String(decoding: $0, as: UTF8.self)) }.max() ?? 1
                let last = lasts[lasts.count - 1]
                let (size, isTooMuch) = last.multipliedReportingOverflow(by: max(1, times))
                add(isTooMuch ? most : min(most, size))
                lasts[lasts.count - 1] = isTooMuch ? most : min(most, size)
                index = end
            default: add(1)
            }
            index += 1
        }
        return min(most, groups.reduce(0) { min(most, $0 + $1) })
    }
}
