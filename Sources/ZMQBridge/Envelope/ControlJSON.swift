internal import Diagnosis
private import FoundationEssentials

/// The JSON in control messages.
enum ControlJSON {
    /// Why a text is not the message that it should be, in words for its sender.
    struct Refusal: Error, Hashable, CustomStringConvertible {
        let description: String
    }

    /// Of a name in a refusal, in bytes.
    private static let longestPath = 128

    static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings, numbers and arrays: nothing in them can fail to encode.
        return (try? encoder.encode(value)).map(Array.init) ?? []
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: some Sequence<UInt8>) throws(Refusal) -> Value {
        let bytes = Array(bytes)
        do {
            try JSONShape.check(bytes[...])
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let problem as JSONShape.Problem {
            throw Refusal(description: "the JSON is wrong \(problem)")
        } catch {
            throw Refusal(description: words(for: error))
        }
    }

    /// What the decoder found, without its own words: they name types of this program, and repeat what they were given.
    private static func words(for error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context): "\(path(context, key)) is missing"
        case DecodingError.valueNotFound(_, let context): "\(path(context)) must not be null"
        case DecodingError.typeMismatch(_, let context): "\(path(context)) has the wrong type"
        case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
            "\(path(context)) has a value that is not allowed"
        default: "the message has a number out of range, or is not JSON"
        }
    }

    private static func path(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
        var path = ""
        for key in context.codingPath + [last].compactMap(\.self) {
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += (path.isEmpty ? "" : ".") + (TopicWord.isValid(key.stringValue) ? key.stringValue : "?")
            }
        }
        guard path.utf8.count <= longestPath else { return "a value that lies deep in the message" }
        return path.isEmpty ? "the message" : "'\(path)'"
    }
}
