/// Reads a pickle of plain data (numbers, texts, lists, tuples, dictionaries) without Python, and nothing else: an opcode that names or calls
/// code is refused by its name, so a hostile file is an error and never runs.
///
/// PyTorch's Flight Recorder writes protocol 2 (`torch/csrc/jit/serialization/pickler.cpp`); a dump that somebody has written again with
/// Python's `pickle` has up to 5. Opcodes: CPython's `Lib/pickletools.py`.
package struct PlainPickle {
    /// How much a pickle may hold. All are far above what a recorder with 20,000 entries writes.
    package struct Limits: Sendable {
        /// How deep values may be nested.
        package var depth = 32
        /// How many values there may be, those that the memo repeats not counted again.
        package var values = 8_000_000
        /// How many values may be remembered.
        package var memo = 1_000_000

        package init() {}
    }

    private var bytes: UnsafeRawBufferPointer
    private let limits: Limits
    private var index = 0
    private var stack: [Item] = []
    private var marks: [Int] = []
    private var memo: [Int: Memo] = [:]
    private var count = 0

    /// A value on the stack. Containers grow until something takes them in.
    private struct Item {
        enum Content {
            case whole(PlainValue)
            case list([PlainValue])
            case dictionary([PlainValue.Member])
        }

        var content: Content
        var depth = 1
        /// Where the memo waits for this container to be whole.
        var memo: [Int] = []
    }

    private enum Memo {
        case whole(PlainValue, depth: Int)
        /// It is a container that still grows: whoever refers to it now would be part of it.
        case growing
    }

    /// - Throws: `PlainPickleError`, with the offset and what is wrong there.
    package static func value(
        of bytes: UnsafeRawBufferPointer, limits: Limits = Limits()
    ) throws(PlainPickleError) -> PlainValue {
        var pickle = PlainPickle(bytes: bytes, limits: limits)
        return try pickle.run()
    }

    private init(bytes: UnsafeRawBufferPointer, limits: Limits) {
        self.bytes = bytes
        self.limits = limits
    }

    private mutating func run() throws(PlainPickleError) -> PlainValue {
        while true {
            let opcode = try number(1)
            if opcode == UInt8(ascii: ".") {
                guard stack.count == 1, marks.isEmpty else { throw problem("it does not end with one value") }
                return try take().value
            }
            try execute(UInt8(opcode))
        }
    }

    private mutating func execute(_ opcode: UInt8) throws(PlainPickleError) {
        switch opcode {
        case 0x80:  // PROTO
            let version = try number(1)
            guard version <= 5 else { throw problem("its protocol is \(version), not one of 2 to 5") }
        case 0x95: _ = try take(bytes: 8)  // FRAME
        case UInt8(ascii: "}"): try push(Item(content: .dictionary([])))
        case UInt8(ascii: "]"): try push(Item(content: .list([])))
        case UInt8(ascii: ")"): try push(.list([]))
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: "N"): try push(.none)
        case 0x88: try push(.bool(true))
        case 0x89: try push(.bool(false))
        case UInt8(ascii: "K"): try push(.int(Int64(try number(1))))
        case UInt8(ascii: "M"): try push(.int(Int64(try number(2))))
        case UInt8(ascii: "J"): try push(.int(Int64(Int32(truncatingIfNeeded: try number(4)))))
        case 0x8A: try pushLong()
        case UInt8(ascii: "G"):
            try push(.double(Double(bitPattern: UInt64(bigEndian: UInt64(truncatingIfNeeded: try number(8))))))
        case UInt8(ascii: "X"), UInt8(ascii: "T"), UInt8(ascii: "B"): try pushText(lengthBytes: 4)
        case 0x8C, UInt8(ascii: "U"), UInt8(ascii: "C"): try pushText(lengthBytes: 1)
        case 0x8D, 0x8E: try pushText(lengthBytes: 8)
        case UInt8(ascii: "a"), UInt8(ascii: "e"): try append(onlyOne: opcode == UInt8(ascii: "a"))
        case UInt8(ascii: "s"), UInt8(ascii: "u"): try setItems(onlyOne: opcode == UInt8(ascii: "s"))
        case UInt8(ascii: "t"): try pushTuple(of: stack.count - (try mark()))
        case 0x85, 0x86, 0x87: try pushTuple(of: Int(opcode) - 0x84)
        case UInt8(ascii: "q"): try remember(Int(try number(1)))
        case UInt8(ascii: "r"): try remember(Int(try number(4)))
        case 0x94: try remember(memo.count)
        case UInt8(ascii: "h"): try recall(Int(try number(1)))
        case UInt8(ascii: "j"): try recall(Int(try number(4)))
        default: throw problem(Self.refusal(of: opcode))
        }
    }

    private static func refusal(of opcode: UInt8) -> String {
        switch opcode {
        case UInt8(ascii: "c"), 0x93: "it names code (GLOBAL): refused, as a Flight Recorder dump never does"
        case UInt8(ascii: "R"), 0x81, 0x92, UInt8(ascii: "i"), UInt8(ascii: "o"):
            "it calls code (REDUCE or the like): refused, as a Flight Recorder dump never does"
        case UInt8(ascii: "b"): "it sets an object's state (BUILD): refused, as a Flight Recorder dump never does"
        case UInt8(ascii: "P"), UInt8(ascii: "Q"): "it refers to something outside of it (PERSID): refused"
        case 0x82, 0x83, 0x84: "it uses an extension of pickle (EXT): refused"
        default: "byte \(opcode) is no opcode of a pickle of plain data"
        }
    }

    // MARK: what is read

    /// An unsigned number, its lowest byte first.
    private mutating func number(_ width: Int) throws(PlainPickleError) -> UInt64 {
        try take(bytes: width).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func take(bytes length: Int) throws(PlainPickleError) -> UnsafeRawBufferPointer {
        guard length >= 0, bytes.count - index >= length else { throw problem("it ends in the middle of a value") }
        defer { index += length }
        return UnsafeRawBufferPointer(rebasing: bytes[index..<(index + length)])
    }

    private mutating func pushText(lengthBytes: Int) throws(PlainPickleError) {
        let length = try number(lengthBytes)
        guard length <= UInt64(bytes.count) else { throw problem("it ends in the middle of a text") }
        try push(.string(String(decoding: try take(bytes: Int(length)), as: UTF8.self)))
    }

    private mutating func pushLong() throws(PlainPickleError) {
        let digits = try take(bytes: Int(try number(1)))
        guard digits.count <= 8 else { throw problem("a number has more than 64 bits") }
        let isNegative = (digits.last ?? 0) & 0x80 != 0
        let value = digits.reversed().reduce(isNegative ? Int64(-1) : 0) { $0 << 8 | Int64($1) }
        try push(.int(value))
    }

    // MARK: the stack

    private mutating func push(_ value: PlainValue) throws(PlainPickleError) {
        try push(Item(content: .whole(value)))
    }

    private mutating func push(_ item: Item) throws(PlainPickleError) {
        count += 1
        guard count <= limits.values else { throw problem("it holds more than \(limits.values) values") }
        stack.append(item)
    }

    /// Takes the topmost value, which from now on does not change.
    private mutating func take() throws(PlainPickleError) -> (value: PlainValue, depth: Int) {
        guard stack.count > (marks.last ?? 0), let item = stack.popLast() else { throw problem("a value is missing") }
        let value: PlainValue =
            switch item.content {
            case .whole(let value): value
            case .list(let items): .list(items)
            case .dictionary(let members): .dictionary(members)
            }
        for place in item.memo { memo[place] = .whole(value, depth: item.depth) }
        return (value, item.depth)
    }

    private mutating func take(_ count: Int) throws(PlainPickleError) -> (values: [PlainValue], depth: Int) {
        var (values, depth) = ([PlainValue](), 0)
        values.reserveCapacity(count)
        for _ in 0..<count {
            let (value, its) = try take()
            values.append(value)
            depth = max(depth, its)
        }
        values.reverse()
        return (values, depth)
    }

    private mutating func mark() throws(PlainPickleError) -> Int {
        guard let mark = marks.popLast() else { throw problem("a mark is missing") }
        return mark
    }

    private mutating func pushTuple(of count: Int) throws(PlainPickleError) {
        let (values, depth) = try take(count)
        try push(Item(content: .whole(.list(values)), depth: try deeper(depth)))
    }

    private mutating func append(onlyOne: Bool) throws(PlainPickleError) {
        let (values, depth) = try take(onlyOne ? 1 : stack.count - (try mark()))
        guard stack.count > (marks.last ?? 0), case .list(var list)? = stack.last?.content else {
            throw problem("something is appended to what is no list")
        }
        let top = stack.count - 1
        stack[top].content = .whole(.none)
        list.append(contentsOf: values)
        stack[top].content = .list(list)
        stack[top].depth = max(stack[top].depth, try deeper(depth))
    }

    private mutating func setItems(onlyOne: Bool) throws(PlainPickleError) {
        let (values, depth) = try take(onlyOne ? 2 : stack.count - (try mark()))
        guard stack.count > (marks.last ?? 0), case .dictionary(var members)? = stack.last?.content,
            values.count.isMultiple(of: 2)
        else { throw problem("a key is set in what is no dictionary") }
        let top = stack.count - 1
        stack[top].content = .whole(.none)
        for index in stride(from: 0, to: values.count, by: 2) {
            let key: String
            switch values[index] {
            case .string(let text): key = text
            case .int(let number): key = "\(number)"
            default: throw problem("a dictionary's key is neither text nor a number")
            }
            members.append(PlainValue.Member(key: key, value: values[index + 1]))
        }
        stack[top].content = .dictionary(members)
        stack[top].depth = max(stack[top].depth, try deeper(depth))
    }

    private func deeper(_ depth: Int) throws(PlainPickleError) -> Int {
        guard depth < limits.depth else { throw problem("its values are nested deeper than \(limits.depth)") }
        return depth + 1
    }

    // MARK: the memo

    private mutating func remember(_ place: Int) throws(PlainPickleError) {
        guard stack.count > (marks.last ?? 0), let item = stack.last else { throw problem("a value is missing") }
        guard memo.count < limits.memo else { throw problem("it remembers more than \(limits.memo) values") }
        if case .whole(let value) = item.content {
            memo[place] = .whole(value, depth: item.depth)
        } else {
            memo[place] = .growing
            stack[stack.count - 1].memo.append(place)
        }
    }

    private mutating func recall(_ place: Int) throws(PlainPickleError) {
        switch memo[place] {
        case .whole(let value, let depth): try push(Item(content: .whole(value), depth: depth))
        case .growing: throw problem("a value contains itself")
        case nil: throw problem("it refers to a value that it has not remembered")
        }
    }

    private func problem(_ text: String) -> PlainPickleError {
        PlainPickleError(offset: index, reason: text)
    }
}

/// Why a pickle was not read.
package struct PlainPickleError: Error, Hashable, CustomStringConvertible {
    /// Where reading ended, in bytes.
    package let offset: Int
    package let reason: String

    package var description: String { "\(reason) (at byte \(offset))" }
}
