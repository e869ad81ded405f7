/// One line of XPUTimer's page that says whether a rank hangs, as DLRover's detector must find it: what a master gets and what raises the
/// alarm on a node go by it alike.
///
/// The detector takes each line that begins with the name for one rank's, and the last number on it for the value: `1.0` reads as 0, and a
/// timestamp hides the value (WIRE.md, section 5).
package struct HangLine {
    package static let name = "XPU_TIMER_COMMON_HANG"

    /// What a line is to the detector.
    package enum Kind {
        case hang(HangLine)
        /// Of another metric whose name begins the same: the detector would count it as a rank.
        case lookalike
        /// Of the hang metric, but not as the Prometheus text format has it, or with another value than 0 and 1.
        case unusable
        case other
    }

    /// The braces and what they hold, as they came; empty if there are none.
    let labels: Substring.UTF8View
    let isHung: Bool

    /// As it is sent.
    package var text: String { "\(Self.name)\(Substring(labels)) \(isHung ? 1 : 0)" }

    package static func kind(of line: Substring.UTF8View) -> Kind {
        var rest = line.drop(while: isBlank)
        guard rest.starts(with: name.utf8) else { return .other }
        rest = rest.dropFirst(name.utf8.count)
        if let next = rest.first, PrometheusLabels.isNameByte(next) || next == UInt8(ascii: ":") { return .lookalike }
        rest = rest.drop(while: isBlank)
        var labels = rest.prefix(0)
        if rest.first == UInt8(ascii: "{") {
            guard let length = PrometheusLabels.length(in: rest) else { return .unusable }
            labels = rest.prefix(length)
            rest = rest.dropFirst(length)
        }
        let words = rest.split(whereSeparator: isBlank).map { String(Substring($0)) }
        guard (1...2).contains(words.count), let value = Double(words[0]), value == 0 || value == 1,
            words.count == 1 || Double(words[1]) != nil
        else { return .unusable }
        return .hang(HangLine(labels: labels, isHung: value == 1))
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }
}
