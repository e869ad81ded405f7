internal import Hummingbird
private import SystemSupport
internal import WebServing

/// A request's parameters, read strictly: what can't be meant is refused with a sentence that says what can.
struct QueryParameters: Sendable {
    private var values: [String: String] = [:]
    private static let most = 64

    /// - Throws: a `Refusal` if a name comes twice, or a value is no UTF-8.
    init(_ request: Request) throws { try self.init(query: request.uri.query ?? "") }

    init(query: String) throws {
        let pairs = query.split(separator: "&")
        guard pairs.count <= Self.most else { throw Refusal.badRequest("at most \(Self.most) parameters are allowed") }
        for pair in pairs {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = try Self.decoded(halves[0], plusIsSpace: true)
            let value = try halves.count > 1 ? Self.decoded(halves[1], plusIsSpace: true) : ""
            guard values.updateValue(value, forKey: name) == nil else {
                throw Refusal.badRequest("the parameter '\(TerminalText.line(name, limit: 80))' comes twice")
            }
        }
    }

    /// Refuses names that a route does not know: a typing error should not give the answer to another question.
    func allow(_ names: String...) throws {
        guard let other = values.keys.filter({ !names.contains($0) }).min() else { return }
        let known = names.isEmpty ? "there are none here" : "there are \(names.joined(separator: ", "))"
        throw Refusal.badRequest("there is no parameter '\(TerminalText.line(other, limit: 80))': \(known)")
    }

    /// `nil` where it is left out or empty.
    func text(_ name: String) -> String? {
        guard let value = values[name], !value.isEmpty else { return nil }
        return value
    }

    func isSet(_ name: String) throws -> Bool {
        switch values[name] {
        case nil, "0", "false": return false
        case "1", "true", "": return true
        default: throw Refusal.badRequest("\(name) must be 1 or 0")
        }
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = text(name) else { return nil }
        guard let number = Int(digits: text), range.contains(number) else {
            throw Refusal.badRequest("\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func limit(default usual: Int, most: Int, name: String = "limit") throws -> Int {
        try integer(name, in: 1...most) ?? usual
    }

    /// Several by comma; empty: all.
    func integers(_ name: String) throws -> [Int] {
        guard let text = text(name) else { return [] }
        return try text.split(separator: ",").map { part in
            guard let number = Int(digits: part), 0...1_000_000 ~= number else {
                throw Refusal.badRequest("\(name) must be whole numbers, several by comma: 0,3,7")
            }
            return number
        }
    }

    /// Several by comma; empty: all.
    func words(_ name: String) -> [String] {
        (text(name) ?? "").split(separator: ",").map(String.init)
    }

    func choice<Choice>(_ name: String, _ choices: KeyValuePairs<String, Choice>) throws -> Choice? {
        guard let text = text(name) else { return nil }
        guard let choice = choices.first(where: { $0.key == text })?.value else {
            throw Refusal.badRequest("\(name) must be one of \(choices.map(\.key).joined(separator: ", "))")
        }
        return choice
    }

    /// A time in seconds since 1970; `-10m` is that long before `now`.
    func time(_ name: String, now: Double) throws -> Double? {
        guard let text = text(name) else { return nil }
        if let last = text.last, text.first == "-", let unit = Self.units[last],
            let number = Double(text.dropFirst().dropLast()), number.isFinite, number >= 0
        {
            return max(0, now - number * unit)
        }
        if let number = Double(text), number.isFinite, 0...1e12 ~= number { return number }
        throw Refusal.badRequest("\(name) must be seconds since 1970, or a time before now: -45s, -10m, -2h, -3d")
    }

    /// - Throws: if the span is empty.
    func span(now: Double) throws -> (since: Double?, until: Double?) {
        let (since, until) = (try time("since", now: now), try time("until", now: now))
        if let since, let until, since >= until { throw Refusal.badRequest("since must be before until") }
        return (since, until)
    }

    private static let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]

    /// - Throws: for `%` without two digits, for bytes that are no UTF-8, and for NUL.
    static func decoded(_ text: Substring, plusIsSpace: Bool) throws -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "+"), plusIsSpace {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                    throw Refusal.badRequest("after % there must be two hexadecimal digits")
                }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(byte)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw Refusal.badRequest("a parameter must be UTF-8 without NUL, written as %XX")
        }
        return text
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
