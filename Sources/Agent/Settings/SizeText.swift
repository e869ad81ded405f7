/// Sizes in bytes as people write them.
enum SizeText {
    private static let units = ["": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30]

    /// Reads `65536`, `64KiB`, `1MiB` or `2GiB`; `nil` for anything else.
    static func read(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), let unit = units[String(text.dropFirst(digits.count))],
            case let (bytes, overflow) = number.multipliedReportingOverflow(by: unit), !overflow
        else { return nil }
        return bytes
    }

    /// Writes a size in the largest unit that leaves no rest.
    static func write(_ bytes: Int) -> String {
        let unit = units.filter { $0.key != "B" && bytes % $0.value == 0 && bytes >= $0.value }.max {
            $0.value < $1.value
        }
        return unit.map { "\(bytes / $0.value)\($0.key)" } ?? "\(bytes)"
    }
}
