/// A line by which a training says how far it is: `step 11 loss 2.42`, `12%|█ | 297/2427 [20:17<…`, `iteration 60/ 10000 |`,
/// `{'loss': 2.31, 'epoch': 0.37}`.
///
/// What counts is a number that belongs to a step, an epoch, a batch. Lines that only repeat (a heartbeat, a watchdog that waits) are none.
package struct ProgressLine: Hashable, Sendable {
    /// The counters, in the line's order: of two lines the later one has the higher. Empty for a line that gives the loss and no step.
    package let counts: [Double]
    /// The same for all lines of the same form.
    package let shape: Int
    /// `step 11`, for people.
    package let label: String

    /// How much of a line is read, in bytes.
    private static let reach = 400
    private static let mostCounts = 4
    private static let units = ["step", "iter", "epoch", "batch", "update", "sample", "token", "episode", "round"]
        .map { Array($0.utf8) }
    private static let waiting = [
        "heartbeat", "watchdog", "timeout", "timed out", "waiting", "retry", "attempt", "seqnum",
    ].map { Array($0.utf8) }
    private static let rates = ["it/s", "s/it", "%|", "loss"].map { Array($0.utf8) }

    /// Whether a line may be one: it has the first letters of a unit and digits. Most others are done with here.
    package static func isPossible(_ line: UnsafeRawBufferPointer) -> Bool {
        if isRow(line) || line.first == UInt8(ascii: "[") && line.count > 1 && isDigit(line[1]) { return true }
        var (hasDigit, hasUnit) = (false, false)
        var last: UInt8 = 0
        for byte in line {
            if isDigit(byte) {
                hasDigit = true
                if last == UInt8(ascii: "/") { hasUnit = true }
            } else if byte >= 0xE3 {
                // Chinese, Japanese or Korean.
                hasUnit = true
            } else {
                switch (last, byte | 0x20) {
                case (UInt8(ascii: "t"), UInt8(ascii: "e")), (UInt8(ascii: "p"), UInt8(ascii: "o")),
                    (UInt8(ascii: "p"), UInt8(ascii: "i")), (UInt8(ascii: "b"), UInt8(ascii: "a")),
                    (UInt8(ascii: "u"), UInt8(ascii: "p")), (UInt8(ascii: "s"), UInt8(ascii: "a")),
                    (UInt8(ascii: "t"), UInt8(ascii: "o")), (UInt8(ascii: "r"), UInt8(ascii: "o")),
                    (UInt8(ascii: "l"), UInt8(ascii: "o")):
                    hasUnit = true
                default: break
                }
            }
            if hasDigit, hasUnit { return true }
            last =
                byte == UInt8(ascii: "/") || byte == 0x20 && last == UInt8(ascii: "/") ? UInt8(ascii: "/") : byte | 0x20
        }
        return false
    }

    /// - Parameter text: what the program wrote, without prefixes and colours.
    package init?(_ text: [UInt8]) {
        if text.withUnsafeBytes(Self.isRow) {
            let first = text.prefix { Self.isDigit($0) }
            counts = [Double(String(decoding: first, as: UTF8.self)) ?? 0]
            (shape, label) = (1, "row \(String(decoding: first, as: UTF8.self))")
            return
        }
        let text = text.prefix(Self.reach).map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
        guard text.contains(where: Self.isDigit), !text.starts(with: "file \"".utf8) else { return nil }
        var reader = CounterReader(text: text, units: Self.units)
        reader.isBar = text.withUnsafeBytes { bytes in
            Self.rates.contains { ByteText.find($0, in: bytes, ignoresCase: false) != nil }
        }
        let first = reader.round() ?? reader.next()
        let isWaiting = text.withUnsafeBytes { bytes in
            Self.waiting.contains { ByteText.find($0, in: bytes, ignoresCase: false) != nil }
        }
        guard !isWaiting else { return nil }
        guard let first else {
            guard text[...].contains(subsequence: Array("loss".utf8)) else { return nil }
            (counts, label, shape) = ([], "a line with the loss", Self.shape(of: text[...], "loss"))
            return
        }
        var counts = [first.value]
        reader.isBar = true
        while counts.count < Self.mostCounts, let next = reader.next() {
            counts.append(next.value)
        }
        self.counts = counts
        label = first.label
        shape = Self.shape(of: text[..<first.position], first.label)
    }

    /// Whether it is a row of a table, with a whole number in front: `14,2.7558,0.0003`.
    private static func isRow(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let first = text.first, isDigit(first), text.count >= 5,
            let end = text.firstIndex(where: { !isDigit($0) }), ",;\t".utf8.contains(text[end]), end <= 12
        else { return false }
        return text.prefix(reach).allSatisfy { isDigit($0) || ",;\t.+-e naNif\r".utf8.contains($0) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// The words before the first counter. Numbers, and what may stand for one, differ from line to line.
    private static func shape(of text: ArraySlice<UInt8>, _ label: String) -> Int {
        var hasher = Hasher()
        hasher.combine(String(label.prefix { $0 != " " }))
        for word in text.split(whereSeparator: { $0 &- 0x61 >= 26 })
        where word.count >= 3 && !word.elementsEqual("nan".utf8) && !word.elementsEqual("inf".utf8) {
            for byte in word { hasher.combine(byte) }
        }
        return hasher.finalize()
    }

    /// Whether this line comes before another one of the same form.
    package func isBefore(_ other: ProgressLine) -> Bool {
        counts.isEmpty || counts.lexicographicallyPrecedes(other.counts)
    }
}

/// Finds the counters in a line of lower-case text.
private struct CounterReader {
    let text: [UInt8]
    let units: [[UInt8]]
    /// Whether the line speaks of progress, so that `297/2427` needs no word.
    var isBar = false
    private var index = 0
    private static let mostBetween = 12
    /// Steps, epochs and rounds in Chinese, Japanese and Korean.
    private static let otherUnits = ["步", "轮", "代", "ステップ", "エポック", "스텝", "단계", "에포크"].map { Array($0.utf8) }

    init(text: [UInt8], units: [[UInt8]]) {
        self.text = text
        self.units = units
    }

    /// The number of `[12]<tab>training's l2: 2.9`, as XGBoost and LightGBM write it, at the line's start.
    mutating func round() -> (value: Double, label: String, position: Int)? {
        guard text.first == UInt8(ascii: "[") else { return nil }
        let digits = text.dropFirst().prefix { isDigit($0) }
        guard !digits.isEmpty, digits.endIndex + 1 < text.count, text[digits.endIndex] == UInt8(ascii: "]"),
            text[digits.endIndex + 1] == 0x09, let value = Double(String(decoding: digits, as: UTF8.self))
        else { return nil }
        index = digits.endIndex + 1
        return (value, "round \(Self.text(value))", 0)
    }

    mutating func next() -> (value: Double, label: String, position: Int)? {
        while index < text.count {
            let start = index
            if isLetter(text[index]) {
                while index < text.count, isLetter(text[index]) || text[index] == 0x5F { index += 1 }
                let word = text[start..<index]
                guard let unit = units.first(where: { word.suffix(12).contains(subsequence: $0) }) else { continue }
                let mark = index
                // A folder's name.
                if index < text.count, text[index] == UInt8(ascii: "/") { continue }
                while index < text.count, index - mark < Self.mostBetween, !isLetter(text[index]), !isDigit(text[index])
                { index += 1 }
                if index < text.count, isDigit(text[index]), let value = number() {
                    return (value, "\(String(decoding: unit, as: UTF8.self)) \(Self.text(value))", start)
                }
                index = mark
            } else if isDigit(text[index]) {
                guard let value = number() else { continue }
                if let counter = counter(value, from: start) { return counter }
            } else {
                index += 1
            }
        }
        return nil
    }

    /// `297/2427` or `12 / 40` of a bar, `100 steps`, `第 12 步`.
    private mutating func counter(_ value: Double, from start: Int) -> (value: Double, label: String, position: Int)? {
        var ahead = index
        while ahead < text.count, text[ahead] == 0x20 { ahead += 1 }
        let isPart = start > 0 && (text[start - 1] == UInt8(ascii: "/") || isLetter(text[start - 1]))
        if !isPart, ahead < text.count, text[ahead] == UInt8(ascii: "/") {
            ahead += 1
            while ahead < text.count, text[ahead] == 0x20 { ahead += 1 }
            let total = ahead
            while ahead < text.count, isDigit(text[ahead]) { ahead += 1 }
            let isDate =
                ahead < text.count && text[ahead] == UInt8(ascii: "/")
                || ahead - total == 2 && total - index == 1 && isTime(ahead)
            let hasBar = isBar || text[ahead...].prefix(3).contains(UInt8(ascii: "["))
            return ahead > total && !isDate && hasBar ? (value, "step \(Self.text(value))", start) : nil
        }
        let rest = text[ahead...]
        if Self.otherUnits.contains(where: { rest.starts(with: $0) }) || endsWithOtherUnit(start) {
            return (value, "step \(Self.text(value))", start)
        }
        let word = rest.prefix { isLetter($0) }
        guard ahead > index, ahead - index < 3, let unit = units.first(where: { word.starts(with: $0) }) else {
            return nil
        }
        return (value, "\(String(decoding: unit, as: UTF8.self)) \(Self.text(value))", start)
    }

    /// Whether a time of the day follows, as after `11/24`.
    private func isTime(_ position: Int) -> Bool {
        let rest = text[position...].drop { $0 == 0x20 }.prefix(3)
        return rest.count == 3 && rest.last == UInt8(ascii: ":")
    }

    private func endsWithOtherUnit(_ position: Int) -> Bool {
        let before = text[..<position].reversed().drop { " :[=".utf8.contains($0) }
        return Self.otherUnits.contains { before.starts(with: $0.reversed()) }
    }

    private mutating func number() -> Double? {
        let start = index
        while index < text.count,
            isDigit(text[index]) || text[index] == 0x2E || text[index] == UInt8(ascii: ",") && isThousand(index)
        {
            index += 1
        }
        guard index - start <= 18 else { return nil }
        let digits = text[start..<index].filter { $0 != UInt8(ascii: ",") }
        return Double(String(decoding: digits.last == 0x2E ? digits.dropLast() : digits[...], as: UTF8.self))
    }

    /// Whether a comma stands between digits of one number: three follow, and then no more.
    private func isThousand(_ comma: Int) -> Bool {
        let digits = text[(comma + 1)...].prefix { isDigit($0) }
        return digits.count == 3
    }

    private func isLetter(_ byte: UInt8) -> Bool { byte &- 0x61 < 26 }
    private func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    private static func text(_ value: Double) -> String {
        value == value.rounded() && value < 1e15 ? "\(Int(value))" : "\(value)"
    }
}

extension ArraySlice<UInt8> {
    fileprivate func contains(subsequence: [UInt8]) -> Bool {
        guard count >= subsequence.count else { return false }
        return (startIndex...(endIndex - subsequence.count)).contains { self[$0...].starts(with: subsequence) }
    }
}
