internal import FailureDiagnosis

/// What a line looks like, with the numbers that it gives: `iteration {step}/ {total} | elapsed time per iteration (ms): {step-time:ms} |`.
///
/// * A space stands for one or more spaces and tabs, and matches none where a field that is padded with spaces may follow.
/// * `*` stands for anything. A `^` in front ties the template to the line's start; otherwise it may begin anywhere.
/// * `{step}`, `{total}`, `{epoch}`, `{loss}`, `{rate}` (steps a second), `{step-time:s}` (or `ms`, `us`) and `{throughput:UNIT}` are numbers
///   that are read, with or without quotes; `{#}` is a number and `{}` a word that are not.
/// * Any other brace, and everything else, is itself.
///
/// Each piece between two `*` is taken where it is found first, and never tried again, so that a match takes time in proportion to the line's
/// length, whatever the template.
struct FieldTemplate: Hashable, Sendable {
    /// A number in a line.
    enum Field: Hashable, Sendable {
        case step, total, epoch, loss, rate
        /// How many seconds its unit is.
        case stepTime(Double)
        case throughput(unit: String)
        case anyNumber
        case anyWord
    }

    private enum Part: Hashable, Sendable {
        case literal([UInt8])
        case spaces
        case field(Field)
    }

    /// How much of a line is looked at, in bytes.
    static let reach = 1000
    /// The shortest text by which lines are found.
    static let shortestKey = 4

    private let pieces: [[Part]]
    private let isAnchored: Bool
    private let ignoresCase: Bool
    /// The longest text that every such line has.
    private let longest: [UInt8]

    /// - Throws: what is wrong with the template, to follow "must be".
    init(_ text: String, ignoresCase: Bool = false) throws(FieldTemplateError) {
        guard !text.isEmpty, text.utf8.count <= 500 else { throw FieldTemplateError(reason: "it has 1 to 500 bytes") }
        self.ignoresCase = ignoresCase
        isAnchored = text.hasPrefix("^")
        var rest = Array((isAnchored ? text.dropFirst() : text[...]).utf8)[...]
        var pieces: [[Part]] = [[]]
        while let byte = rest.first {
            if byte == UInt8(ascii: "*") {
                pieces.append([])
                rest.removeFirst()
            } else if byte == UInt8(ascii: " ") {
                if pieces[pieces.count - 1].last != .spaces { pieces[pieces.count - 1].append(.spaces) }
                rest.removeFirst()
            } else if byte == UInt8(ascii: "{"), let end = rest.firstIndex(of: UInt8(ascii: "}")),
                let field = try Self.field(String(decoding: rest[(rest.startIndex + 1)..<end], as: UTF8.self))
            {
                pieces[pieces.count - 1].append(.field(field))
                rest = rest[(end + 1)...]
            } else {
                if case .literal(let known)? = pieces[pieces.count - 1].last {
                    pieces[pieces.count - 1][pieces[pieces.count - 1].count - 1] = .literal(known + [byte])
                } else {
                    pieces[pieces.count - 1].append(.literal([byte]))
                }
                rest.removeFirst()
            }
        }
        self.pieces = pieces
        var longest: [UInt8] = []
        for case .literal(let text) in pieces.joined() where text.count > longest.count { longest = text }
        self.longest = longest
    }

    /// - Returns: `nil` for what is no field's name at all, and so is text.
    private static func field(_ name: String) throws(FieldTemplateError) -> Field? {
        switch name {
        case "": return .anyWord
        case "#": return .anyNumber
        case "step": return .step
        case "total": return .total
        case "epoch": return .epoch
        case "loss": return .loss
        case "rate": return .rate
        case "step-time:s": return .stepTime(1)
        case "step-time:ms": return .stepTime(1e-3)
        case "step-time:us": return .stepTime(1e-6)
        default: break
        }
        let unit = name.hasPrefix("throughput:") ? name.dropFirst("throughput:".count) : ""
        if !unit.isEmpty, unit.utf8.count <= 32 { return .throughput(unit: String(unit)) }
        guard name.utf8.contains(where: { !($0 &- 0x61 < 26) && $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ":") })
        else {
            throw FieldTemplateError(
                reason:
                    "{\(name)} is no field; there are {step}, {total}, {epoch}, {loss}, {rate}, {step-time:s|ms|us}, "
                    + "{throughput:UNIT}, {#} and {}")
        }
        return nil
    }

    /// The longest text that every such line has; `nil` if none is long enough to search for.
    var key: [UInt8]? { longest.count >= Self.shortestKey ? longest : nil }

    var fields: [Field] {
        pieces.joined().compactMap { part in if case .field(let field) = part { field } else { nil } }
    }

    /// The numbers of the line; `nil` if the line doesn't look like this.
    ///
    /// - Parameter line: what the program wrote, at most `reach` bytes.
    func values(in line: UnsafeRawBufferPointer) -> [(field: Field, value: Double)]? {
        // Most lines that are tried lack it, and a piece that begins with a field would be tried everywhere.
        guard longest.isEmpty || ByteText.find(longest, in: line, ignoresCase: ignoresCase) != nil else { return nil }
        var found: [(field: Field, value: Double)] = []
        var position = 0
        for (index, piece) in pieces.enumerated() where !piece.isEmpty {
            if index == 0, isAnchored {
                while position < line.count, Self.isSpace(line[position]) { position += 1 }
                guard let end = match(piece, in: line, at: position, &found) else { return nil }
                position = end
            } else {
                guard let end = find(piece, in: line, from: position, &found) else { return nil }
                position = end
            }
        }
        return found
    }

    /// Whether a number or a quoted one can begin so.
    private static func mayBeginNumber(_ byte: UInt8) -> Bool {
        isDigit(byte) || isSpace(byte) || "+-.'\"nNiI".utf8.contains(byte)
    }

    private func find(
        _ piece: [Part], in line: UnsafeRawBufferPointer, from start: Int,
        _ found: inout [(field: Field, value: Double)]
    ) -> Int? {
        var position = start
        var wantsNumber = false
        if case .field(let field)? = piece.first { wantsNumber = field != .anyWord }
        while position < line.count {
            if wantsNumber, !Self.mayBeginNumber(line[position]) {
                position += 1
                continue
            }
            if case .literal(let text)? = piece.first {
                let rest = UnsafeRawBufferPointer(rebasing: line[position...])
                guard let next = ByteText.find(text, in: rest, ignoresCase: ignoresCase) else { return nil }
                position += next
            }
            // A word or a number begins where the one before has ended; `2.50it/s` is one of each.
            let isInside =
                position > 0
                && (Self.isDigit(line[position]) && Self.isDigit(line[position - 1])
                    || Self.isLetter(line[position]) && Self.isLetter(line[position - 1]))
            if !isInside, let end = match(piece, in: line, at: position, &found) { return end }
            position += 1
        }
        return nil
    }

    /// - Returns: where the piece ends.
    private func match(
        _ piece: [Part], in line: UnsafeRawBufferPointer, at start: Int, _ found: inout [(field: Field, value: Double)]
    ) -> Int? {
        var position = start
        let known = found.count
        for part in piece {
            switch part {
            case .literal(let text):
                guard position + text.count <= line.count,
                    ByteText.matches(text, line, at: position, ignoresCase: ignoresCase)
                else {
                    Self.drop(&found, to: known)
                    return nil
                }
                position += text.count
            case .spaces:
                let first = position
                while position < line.count, Self.isSpace(line[position]) { position += 1 }
                guard position > first || position == line.count else {
                    Self.drop(&found, to: known)
                    return nil
                }
            case .field(let field):
                while position < line.count, Self.isSpace(line[position]) { position += 1 }
                guard let end = read(field, in: line, at: position, &found) else {
                    Self.drop(&found, to: known)
                    return nil
                }
                position = end
            }
        }
        return position
    }

    private static func drop(_ found: inout [(field: Field, value: Double)], to count: Int) {
        if found.count > count { found.removeLast(found.count - count) }
    }

    private func read(
        _ field: Field, in line: UnsafeRawBufferPointer, at start: Int, _ found: inout [(field: Field, value: Double)]
    ) -> Int? {
        if field == .anyWord {
            let end = line[start...].firstIndex(where: Self.isSpace) ?? line.count
            return end > start ? end : nil
        }
        var position = start
        let quote =
            position < line.count && (line[position] == UInt8(ascii: "'") || line[position] == UInt8(ascii: "\""))
        if quote { position += 1 }
        guard let (value, end) = NumberText.read(line, at: position) else { return nil }
        found.append((field, value))
        return quote && end < line.count && line[end] == line[start] ? end + 1 : end
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }
}

/// Why a text can't be used as a template.
struct FieldTemplateError: Error, Hashable {
    let reason: String
}

/// Numbers as programs write them.
enum NumberText {
    private static let longest = 32

    /// The number that begins here, and where it ends: `12`, `-1.5`, `2.31E+00`, `183,000`, `nan`, `inf`.
    static func read(_ line: UnsafeRawBufferPointer, at start: Int) -> (value: Double, end: Int)? {
        let count = line.count
        var position = start
        var commas = 0
        func byte(_ index: Int) -> UInt8 { index < count ? line[index] : 0 }
        func isDigit(_ index: Int) -> Bool { byte(index) &- 0x30 < 10 }
        func isSign(_ byte: UInt8) -> Bool { byte == 0x2B || byte == 0x2D }
        if isSign(byte(position)) { position += 1 }
        switch (byte(position) | 0x20, byte(position + 1) | 0x20, byte(position + 2) | 0x20) {
        case (0x6E, 0x61, 0x6E) where (byte(position + 3) | 0x20) &- 0x61 >= 26: return (.nan, position + 3)
        case (0x69, 0x6E, 0x66) where (byte(position + 3) | 0x20) &- 0x61 >= 26: return (.infinity, position + 3)
        default: break
        }
        guard isDigit(position) || byte(position) == 0x2E && isDigit(position + 1) else { return nil }
        while position - start < longest {
            if isDigit(position) || byte(position) == 0x2E && isDigit(position + 1) {
                position += 1
            } else if byte(position) == 0x2C, isDigit(position + 1), isDigit(position + 2), isDigit(position + 3),
                !isDigit(position + 4)
            {
                // Of thousands.
                commas += 1
                position += 1
            } else if byte(position) | 0x20 == 0x65,
                isDigit(position + 1) || isSign(byte(position + 1)) && isDigit(position + 2)
            {
                position += 2
            } else {
                break
            }
        }
        let text = String(decoding: line[start..<position], as: UTF8.self)
        guard let value = Double(commas == 0 ? text : text.filter { $0 != "," }) else { return nil }
        return (value, position)
    }
}
