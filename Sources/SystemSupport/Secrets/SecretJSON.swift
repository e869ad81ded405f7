/// Hides secrets in the strings of JSON. Each string is read by itself, and written again if there is one in it, so the JSON stays what it is:
/// nothing in a string can reach beyond it.
package enum SecretJSON {
    /// - Parameter json: any number of values, one a line or over several. What is no JSON is looked at as text.
    package static func hidden(in json: String) -> String {
        var reader = SecretJSONReader(Array(json.utf8))
        return reader.hidden() ?? SecretText.hidden(in: json)
    }
}

private struct SecretJSONReader {
    /// An object or array that is open.
    private struct Level {
        let isObject: Bool
        /// The key that is waiting for its value.
        var key: String?
        /// The keys of the object, since two of them may look the same afterwards.
        var keys: Set<String> = []
        /// The value of `name`, or the element before.
        var name: String?
    }

    private let json: [UInt8]
    private var shown: [UInt8] = []
    private var index = 0
    private var levels: [Level] = []

    init(_ json: [UInt8]) {
        self.json = json
    }

    /// - Returns: `nil` if this is no JSON.
    mutating func hidden() -> String? {
        shown.reserveCapacity(json.count)
        while index < json.count {
            let byte = json[index]
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = readString() else { return nil }
                appendString(text)
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): levels.append(Level(isObject: byte == UInt8(ascii: "{")))
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard levels.popLast()?.isObject == (byte == UInt8(ascii: "}")) else { return nil }
                endValue()
            case UInt8(ascii: ","): endValue()
            default: break
            }
            shown.append(byte)
            index += 1
        }
        return levels.isEmpty ? String(decoding: shown, as: UTF8.self) : nil
    }

    private mutating func endValue() {
        if levels.last?.isObject == true { levels[levels.count - 1].key = nil }
    }

    private mutating func appendString(_ text: String) {
        guard var level = levels.popLast() else { return append(SecretText.hidden(in: text)) }
        defer { levels.append(level) }
        guard level.isObject else {
            let isArgument = level.name.map { $0.hasPrefix("-") && !$0.contains("=") } ?? false
            append(
                isArgument ? SecretText.hidden(in: text, named: (level.name ?? "")[...]) : SecretText.hidden(in: text))
            level.name = text
            return
        }
        guard let key = level.key else {
            level.key = text
            var name = SecretText.hidden(in: text)
            while !level.keys.insert(name).inserted, name != text { name += "'" }
            return append(name)
        }
        level.key = nil
        if let name = level.name, ["value", "Value"].contains(key), SecretText.isValue(text, of: name[...]) {
            return append(SecretText.replacement)
        }
        if ["name", "Name", "key", "Key"].contains(key) { level.name = text }
        append(SecretText.hidden(in: text, named: key[...]))
    }

    private mutating func append(_ text: String) {
        shown.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): shown += [UInt8(ascii: "\\"), byte]
            case 0x0A: shown += "\\n".utf8
            case 0x0D: shown += "\\r".utf8
            case 0x09: shown += "\\t".utf8
            case ..<0x20: shown += ("\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16)).utf8
            default: shown.append(byte)
            }
        }
        shown.append(UInt8(ascii: "\""))
    }

    /// The string whose quote is here; `nil` if it has no end or is not written as JSON wants.
    private mutating func readString() -> String? {
        var bytes: [UInt8] = []
        index += 1
        while index < json.count {
            switch json[index] {
            case UInt8(ascii: "\""):
                index += 1
                return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard appendEscape(to: &bytes) else { return nil }
            default:
                bytes.append(json[index])
                index += 1
            }
        }
        return nil
    }

    private mutating func appendEscape(to bytes: inout [UInt8]) -> Bool {
        guard index + 1 < json.count else { return false }
        let sign = json[index + 1]
        index += 2
        switch sign {
        case UInt8(ascii: "n"): bytes.append(0x0A)
        case UInt8(ascii: "r"): bytes.append(0x0D)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0C)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(sign)
        case UInt8(ascii: "u"):
            guard var unit = hexadecimal() else { return false }
            if (0xD800..<0xDC00).contains(unit), json[index...].starts(with: "\\u".utf8) {
                let before = index
                index += 2
                if let low = hexadecimal(), (0xDC00..<0xE000).contains(low) {
                    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
                } else {
                    index = before
                }
            }
            bytes += String(Unicode.Scalar(unit) ?? "\u{FFFD}").utf8
        default: return false
        }
        return true
    }

    private mutating func hexadecimal() -> UInt32? {
        guard index + 4 <= json.count else { return nil }
        var value: UInt32 = 0
        for byte in json[index..<index + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        index += 4
        return value
    }
}
