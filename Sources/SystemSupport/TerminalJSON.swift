/// JSON as it may be written to a terminal: it means the same, and what `TerminalText` escapes stands in it as `\u001b`.
package enum TerminalJSON {
    /// - Parameter json: any number of values, one a line or over several. What is no JSON, or no UTF-8, is made harmless all the same.
    /// - Returns: newlines stay; every other control character, and what is invisible or turns the direction of text, is written with `\u`.
    package static func escaped(_ json: [UInt8]) -> [UInt8] {
        let end = json.withUnsafeBufferPointer { endOfPlain(in: $0) }
        guard end < json.count else { return json }
        var shown = Array(json[..<end])
        shown.reserveCapacity(json.count + 64)
        var decoder = UTF8()
        var rest = json[end...].makeIterator()
        var scan = TerminalText.Scan()
        while true {
            switch decoder.decode(&rest) {
            case .scalarValue(let scalar): append(scalar, isDangerous: scan.isDangerous(scalar), to: &shown)
            case .error: shown += "\u{FFFD}".utf8
            case .emptyInput: return shown
            }
        }
    }

    /// Up to the first byte that is neither printable ASCII nor a newline: mostly that is everything.
    private static func endOfPlain(in bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var index = 0
        while index < bytes.count, bytes[index] &- 0x20 < 0x5F || bytes[index] == 0x0A { index += 1 }
        return index
    }

    private static func append(_ scalar: Unicode.Scalar, isDangerous: Bool, to shown: inout [UInt8]) {
        guard scalar != "\n", isDangerous else {
            if let bytes = UTF8.encode(scalar) { shown += bytes }
            return
        }
        // Between values a tab or a carriage return is only space; inside strings there is none.
        if scalar == "\t" || scalar == "\r" {
            shown.append(0x20)
            return
        }
        for unit in UTF16.encode(scalar).map(Array.init) ?? [] {
            let digits = String(unit, radix: 16)
            shown += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8
        }
    }
}
