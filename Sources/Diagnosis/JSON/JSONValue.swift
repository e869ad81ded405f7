private import FoundationEssentials

/// Any JSON: what `DiagnosisAgent.diagnoseTrainingFailure` takes from DLRover. Objects don't keep the order of their members.
public enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Reads a text; `nil` if it is not JSON, or nested too deep for Foundation (512 levels).
    public init?(_ utf8: [UInt8]) {
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(utf8)) else { return nil }
        self = value
    }

    /// The members of the JSON object in `text`; `nil` if it is anything else.
    public static func object(_ text: String) -> [String: JSONValue]? {
        guard case .object(let members)? = JSONValue(Array(text.utf8)) else { return nil }
        return members
    }

    /// The value of a key, if this is an object with it.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[key]
    }

    /// The text that a string holds.
    public var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// A whole number, also where it is written as a string.
    public var integer: Int? {
        switch self {
        case .int(let number): Int(exactly: number)
        case .string(let text): Int(text)
        default: nil
        }
    }

    /// The JSON text, with members in the order of their keys; `nil` if there is a number that JSON cannot write (NaN, infinity).
    public var text: String? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension JSONValue: Codable {
    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let int = try? value.decode(Int64.self) {
            self = .int(int)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let string = try? value.decode(String.self) {
            self = .string(string)
        } else if let array = try? value.decode([JSONValue].self) {
            self = .array(array)
        } else {
            self = .object(try value.decode([String: JSONValue].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .null: try value.encodeNil()
        case .bool(let bool): try value.encode(bool)
        case .int(let int): try value.encode(int)
        case .number(let number): try value.encode(number)
        case .string(let string): try value.encode(string)
        case .array(let array): try value.encode(array)
        case .object(let members): try value.encode(members)
        }
    }
}
