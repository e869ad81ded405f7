/// A value of plain data, as a pickle or JSON of PyTorch holds it. Tuples are lists.
package indirect enum PlainValue: Hashable, Sendable {
    case none
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case list([PlainValue])
    /// In the order in which the members came; of two with the same key, the last one counts.
    case dictionary([Member])

    /// One member of a dictionary. A key that is no string is written as one.
    package struct Member: Hashable, Sendable {
        package var key: String
        package var value: PlainValue

        package init(key: String, value: PlainValue) {
            self.key = key
            self.value = value
        }
    }

    package subscript(key: String) -> PlainValue? {
        members.last { $0.key == key }?.value
    }

    package var members: [Member] {
        if case .dictionary(let members) = self { members } else { [] }
    }

    package var items: [PlainValue]? {
        if case .list(let items) = self { items } else { nil }
    }

    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// A whole number, also where it is written as text: PyTorch's JSON has both.
    package var integer: Int? {
        switch self {
        case .int(let number): Int(number)
        case .string(let text): Int(text)
        default: nil
        }
    }

    package var isTrue: Bool { self == .bool(true) }
}
