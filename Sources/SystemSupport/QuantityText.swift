/// Durations as people write them: a whole number and a unit.
package enum DurationText {
    /// The longest that most settings take: beyond, sums of times would no longer fit where they are kept.
    package static let longest: Duration = .seconds(86400)

    private static let units: [(name: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000),
    ]

    /// Reads `500ms`, `2s`, `10m` or `1h`; `nil` for anything else, a number without a unit included.
    package static func read(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits),
            let unit = units.first(where: { $0.name == text.dropFirst(digits.count) }),
            case let (milliseconds, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds), !overflow
        else { return nil }
        return .milliseconds(milliseconds)
    }

    /// Writes a duration in the largest unit that leaves no rest.
    package static func write(_ duration: Duration) -> String {
        let milliseconds = Int64(duration / .milliseconds(1))
        let unit = units.last { milliseconds % $0.milliseconds == 0 && milliseconds >= $0.milliseconds } ?? units[0]
        return "\(milliseconds / unit.milliseconds)\(unit.name)"
    }
}

/// Sizes in bytes as people write them.
package enum SizeText {
    private static let units = ["": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30]

    /// Reads `65536`, `64KiB`, `1MiB` or `2GiB`; `nil` for anything else.
    package static func read(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), let unit = units[String(text.dropFirst(digits.count))],
            case let (bytes, overflow) = number.multipliedReportingOverflow(by: unit), !overflow
        else { return nil }
        return bytes
    }

    /// Writes a size in the largest unit that leaves no rest.
    package static func write(_ bytes: Int) -> String {
        let unit = units.filter { $0.key != "B" && bytes % $0.value == 0 && bytes >= $0.value }.max {
            $0.value < $1.value
        }
        return unit.map { "\(bytes / $0.value)\($0.key)" } ?? "\(bytes)"
    }
}

extension FixedWidthInteger {
    /// Reads digits alone: Swift's own parser takes a sign, too, so that a port could be "+80".
    package init?(digits text: some StringProtocol) {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        self.init(text)
    }
}
