package import Diagnosis
private import SystemSupport

/// Numbers, times and foreign text as people read them in a terminal.
package enum HumanText {
    /// `17 B`, `1.2 MiB`
    package static func bytes(_ count: Int) -> String {
        guard count >= 1024 else { return "\(count) B" }
        var (tenths, unit) = (Double(count) / 1024, 0)
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        while tenths >= 1023.95, unit < units.count - 1 { (tenths, unit) = (tenths / 1024, unit + 1) }
        let rounded = Int((tenths * 10).rounded())
        return "\(rounded / 10).\(rounded % 10) \(units[unit])"
    }

    /// `45 s`, `3 min`, `5 h`, `2 d`; a time that has not come yet counts as now.
    static func span(from time: Int64, to now: Int64) -> String {
        let (difference, overflow) = now.subtractingReportingOverflow(time)
        guard !overflow, difference > 0 else { return "0 s" }
        return switch difference {
        case ..<120: "\(difference) s"
        case ..<7200: "\(difference / 60) min"
        case ..<172_800: "\(difference / 3600) h"
        default: "\(difference / 86_400) d"
        }
    }

    /// `2400/s`, `0.5/s`
    static func rate(_ perSecond: Double) -> String { amount(perSecond) + "/s" }

    /// `2400`, `0.5`
    static func amount(_ number: Double) -> String {
        number < 10 ? "\((number * 10).rounded() / 10)" : "\(Int(min(number, 1e15).rounded()))"
    }

    /// `1 envelope`, `3 envelopes`
    static func count(_ number: UInt64, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }

    /// Foreign text on one line, without secrets, and without anything that a terminal could take for a command.
    static func line(_ text: String) -> String { SecretText.line(text) }

    /// The same over several lines, none of which can be taken for one of ours.
    static func indented(_ text: String) -> [String] {
        TerminalText.lines(text).split(separator: "\n", omittingEmptySubsequences: false).map { "  " + $0 }
    }

    /// `dedupe 4, sampling 3`, by name; what is zero is left out.
    static func counts(_ counts: [String: UInt64]) -> String {
        counts.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { "\(line($0.key)) \($0.value)" }
            .joined(separator: ", ")
    }
}

extension Dictionary where Value == UInt64 {
    /// The sum of all values. Programs may report any numbers, so it stops at the greatest.
    var total: UInt64 {
        values.reduce(0) { sum, value in
            let (total, overflow) = sum.addingReportingOverflow(value)
            return overflow ? .max : total
        }
    }
}

/// A lane's position as people write it and as it is shown.
package enum PositionText {
    /// What can be read, for error texts.
    package static let rule = "EPOCH/SEQUENCE, such as 1795464000/12"

    package static func read(_ text: String) -> LanePosition? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let epoch = UInt64(digits: parts[0]), let sequence = UInt64(digits: parts[1]),
            epoch < .max,
            sequence < .max
        else { return nil }
        return LanePosition(epoch: epoch, sequence: sequence)
    }
}
