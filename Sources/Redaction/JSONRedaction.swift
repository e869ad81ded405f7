private import Diagnosis

/// Redacts the strings of JSON, each by itself, so that JSON stays JSON. Keys stay, and so does what is in base64.
enum JSONRedaction {
    /// Whether a content is one object or array.
    static func isJSON(_ content: [UInt8]) -> Bool {
        guard let first = content.first(where: { $0 > 0x20 }), first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
        else { return false }
        do {
            try JSONShape.check(content[...])
            return true
        } catch {
            return false
        }
    }

    /// - Parameters:
    ///   - json: as `isJSON` wants it.
    ///   - redact: gives the text without secrets; `nil`: it stays as it is.
    /// - Returns: `nil` if nothing is changed.
    static func apply(to json: [UInt8], _ redact: ([UInt8]) -> [UInt8]?) -> [UInt8]? {
        var (shown, copied, index) = ([UInt8](), 0, 0)
        var key: ArraySlice<UInt8> = []
        while let start = json[index...].firstIndex(of: UInt8(ascii: "\"")) {
            let end = Self.end(of: start, in: json)
            let inside = json[min(start + 1, end)..<max(start + 1, end - 1)]
            index = end
            if json[end...].first(where: { $0 > 0x20 }) == UInt8(ascii: ":") {
                key = inside
                continue
            }
            guard !key.elementsEqual("base64".utf8), let text = redact(Array(JSONString.unescape(inside).utf8)) else {
                continue
            }
            shown += json[copied...start]
            MetricJSON.appendContent(String(decoding: text, as: UTF8.self)[...].utf8, to: &shown)
            shown.append(UInt8(ascii: "\""))
            copied = end
        }
        return copied > 0 ? shown + json[copied...] : nil
    }

    /// The index after a string's closing quote.
    private static func end(of start: Int, in json: [UInt8]) -> Int {
        var index = start + 1
        while index < json.count, json[index] != UInt8(ascii: "\"") {
            index += json[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index + 1, json.count)
    }
}
