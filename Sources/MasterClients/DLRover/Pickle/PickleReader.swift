/// Reads a pickle: a stack machine that knows only the opcodes that DLRover's messages use and makes only values, containers
/// and objects of `PickleClass`. It calls no code, so the worst that a hostile pickle can do is to be refused.
///
/// The opcodes are documented in CPython's `Lib/pickletools.py`. Values are made in an arena and referred to by their index there, since a
/// pickle may fill a container after it has been memoized.
struct PickleReader {
    enum Node {
        case none
        case bool(Bool)
        case int(Int)
        case float(Double)
        case string(String)
        case bytes([UInt8])
        case list([Int])
        case tuple([Int])
        /// Keys and values in turn.
        case dictionary([Int])
        case type(PickleClass)
        /// Names and values.
        case object(PickleClass, [(name: String, value: Int)])
    }

    private var input: PickleInput
    private let limits: PickleLimits
    private var nodes: [Node] = []
    private var stack: [Int] = []
    /// The heights of the stack at which marks were set.
    private var marks: [Int] = []
    private var memo: [Int: Int] = [:]

    private init(_ input: PickleInput, _ limits: PickleLimits) {
        self.input = input
        self.limits = limits
    }

    /// Reads exactly one pickle.
    static func read(
        _ bytes: ArraySlice<UInt8>, limits: PickleLimits = PickleLimits()
    ) throws(PickleError) -> PickleValue {
        guard bytes.count <= limits.bytes else {
            throw PickleError(offset: 0, reason: "it has \(bytes.count) bytes, more than \(limits.bytes)")
        }
        var reader = PickleReader(PickleInput(bytes), limits)
        let root = try reader.run()
        var budget = limits.values
        return try reader.value(of: root, depth: 0, budget: &budget)
    }

    private mutating func run() throws(PickleError) -> Int {
        while true {
            let opcode = try input.takeByte()
            if opcode == UInt8(ascii: ".") { break }
            if try runConstant(opcode) { continue }
            if try runContainer(opcode) { continue }
            guard try runObject(opcode) else {
                throw input.error("opcode 0x\(String(opcode, radix: 16)) is not allowed", back: 1)
            }
        }
        let result = try pop()
        guard stack.isEmpty, marks.isEmpty else { throw input.error("values are left over at the end", back: 1) }
        guard input.isAtEnd else { throw input.error("bytes follow the end") }
        return result
    }

    // MARK: groups of opcodes; each returns whether the opcode belongs to it

    private mutating func runConstant(_ opcode: UInt8) throws(PickleError) -> Bool {
        switch opcode {
        case UInt8(ascii: "N"): try push(.none)
        case 0x88: try push(.bool(true))
        case 0x89: try push(.bool(false))
        case UInt8(ascii: "K"): try push(.int(try input.takeUnsigned(1)))
        case UInt8(ascii: "M"): try push(.int(try input.takeUnsigned(2)))
        case UInt8(ascii: "J"): try push(.int(try input.takeSigned(4)))
        case 0x8A: try push(.int(try input.takeSigned(try input.takeUnsigned(1))))
        case UInt8(ascii: "G"): try push(.float(try input.takeDouble()))
        case 0x8C: try push(.string(try input.takeString(try input.takeUnsigned(1))))
        case UInt8(ascii: "X"): try push(.string(try input.takeString(try input.takeUnsigned(4))))
        case 0x8D: try push(.string(try input.takeString(try input.takeUnsigned(8))))
        case UInt8(ascii: "C"): try push(.bytes(Array(try input.takeBytes(try input.takeUnsigned(1)))))
        case UInt8(ascii: "B"): try push(.bytes(Array(try input.takeBytes(try input.takeUnsigned(4)))))
        case 0x8E: try push(.bytes(Array(try input.takeBytes(try input.takeUnsigned(8)))))
        case 0x80:
            let version = try input.takeUnsigned(1)
            guard version <= 5 else { throw input.error("protocol \(version) is not known", back: 1) }
        case 0x95: _ = try input.takeBytes(8)  // FRAME: a hint for readers of streams
        default: return false
        }
        return true
    }

    private mutating func runContainer(_ opcode: UInt8) throws(PickleError) -> Bool {
        switch opcode {
        case UInt8(ascii: "("):
            guard marks.count < limits.depth else { throw input.error("more than \(limits.depth) marks", back: 1) }
            marks.append(stack.count)
        case UInt8(ascii: "]"): try push(.list([]))
        case UInt8(ascii: "}"): try push(.dictionary([]))
        case UInt8(ascii: ")"): try push(.tuple([]))
        case 0x85: try pushTuple(1)
        case 0x86: try pushTuple(2)
        case 0x87: try pushTuple(3)
        case UInt8(ascii: "t"): try push(.tuple(try popToMark()))
        case UInt8(ascii: "a"): try appendToList([try pop()])
        case UInt8(ascii: "e"): try appendToList(try popToMark())
        case UInt8(ascii: "s"):
            let value = try pop()
            try addToDictionary([try pop(), value])
        case UInt8(ascii: "u"): try addToDictionary(try popToMark())
        default: return false
        }
        return true
    }

    private mutating func runObject(_ opcode: UInt8) throws(PickleError) -> Bool {
        switch opcode {
        case UInt8(ascii: "c"):
            let module = try input.takeLine()
            let name = try input.takeLine()
            try push(.type(try type(module: module, name: name)))
        case 0x93:
            let name = try string(at: try pop())
            let module = try string(at: try pop())
            try push(.type(try type(module: module, name: name)))
        case 0x81: try makeObject(allowsArguments: false)
        case UInt8(ascii: "R"): try makeObject(allowsArguments: true)
        case UInt8(ascii: "b"): try build()
        case 0x94: try memoize(memo.count)
        case UInt8(ascii: "q"): try memoize(try input.takeUnsigned(1))
        case UInt8(ascii: "h"): try recall(try input.takeUnsigned(1))
        case UInt8(ascii: "j"): try recall(try input.takeUnsigned(4))
        default: return false
        }
        return true
    }

    // MARK: containers

    private mutating func pushTuple(_ count: Int) throws(PickleError) {
        let floor = marks.last ?? 0
        guard stack.count - floor >= count else { throw input.error("the stack is too short for a tuple", back: 1) }
        let items = Array(stack.suffix(count))
        stack.removeLast(count)
        try push(.tuple(items))
    }

    private mutating func appendToList(_ items: [Int]) throws(PickleError) {
        let place = try top()
        guard case .list(var list) = nodes[place] else { throw input.error("only a list can be appended to", back: 1) }
        nodes[place] = .none
        list.append(contentsOf: items)
        nodes[place] = .list(list)
    }

    private mutating func addToDictionary(_ items: [Int]) throws(PickleError) {
        let place = try top()
        guard items.count.isMultiple(of: 2), case .dictionary(var pairs) = nodes[place] else {
            throw input.error("expected a dictionary, then keys and values in pairs", back: 1)
        }
        nodes[place] = .none
        pairs.append(contentsOf: items)
        nodes[place] = .dictionary(pairs)
    }

    // MARK: objects

    private func type(module: String, name: String) throws(PickleError) -> PickleClass {
        guard DLRoverModule(rawValue: module) != nil, let type = PickleClass(rawValue: name) else {
            throw input.error("class \(module.prefix(80)).\(name.prefix(80)) is not allowed")
        }
        return type
    }

    private mutating func makeObject(allowsArguments: Bool) throws(PickleError) {
        let arguments = try pop()
        guard case .tuple(let values) = nodes[arguments], case .type(let type) = nodes[try pop()] else {
            throw input.error("expected a class and a tuple of arguments", back: 1)
        }
        let names = type.fields
        guard values.count <= (allowsArguments ? names.count : 0) else {
            throw input.error("too many arguments for \(type.rawValue)", back: 1)
        }
        try push(.object(type, zip(names, values).map { (name: $0, value: $1) }))
    }

    /// Sets an object's attributes from the dictionary above it.
    private mutating func build() throws(PickleError) {
        let state = try pop()
        let place = try top()
        guard case .dictionary(let items) = nodes[state], case .object(let type, var fields) = nodes[place] else {
            throw input.error("expected an object and a dictionary of its attributes", back: 1)
        }
        guard fields.count + items.count / 2 <= limits.values else { throw input.error("too many attributes") }
        nodes[place] = .none
        for index in stride(from: 0, to: items.count, by: 2) {
            fields.append((name: try string(at: items[index]), value: items[index + 1]))
        }
        nodes[place] = .object(type, fields)
    }

    private func string(at place: Int) throws(PickleError) -> String {
        guard case .string(let text) = nodes[place] else { throw input.error("expected a string") }
        return text
    }

    // MARK: memo and stack

    private mutating func memoize(_ key: Int) throws(PickleError) {
        guard memo.count < limits.values else { throw input.error("the memo is full", back: 1) }
        memo[key] = try top()
    }

    private mutating func recall(_ key: Int) throws(PickleError) {
        guard let place = memo[key] else { throw input.error("the memo has no entry \(key)", back: 1) }
        guard stack.count < limits.values else { throw input.error("the stack is full", back: 1) }
        stack.append(place)
    }

    private mutating func push(_ node: Node) throws(PickleError) {
        guard nodes.count < limits.values, stack.count < limits.values else {
            throw input.error("more than \(limits.values) values")
        }
        nodes.append(node)
        stack.append(nodes.count - 1)
    }

    private mutating func pop() throws(PickleError) -> Int {
        let place = try top()
        stack.removeLast()
        return place
    }

    /// The uppermost value; a mark may not be looked under.
    private func top() throws(PickleError) -> Int {
        guard let place = stack.last, stack.count > (marks.last ?? 0) else {
            throw input.error("the stack is empty", back: 1)
        }
        return place
    }

    private mutating func popToMark() throws(PickleError) -> [Int] {
        guard let height = marks.popLast() else { throw input.error("there is no mark", back: 1) }
        let items = Array(stack[height...])
        stack.removeLast(items.count)
        return items
    }

    // MARK: the result

    /// The tree below `place`. `budget` bounds its size: values that the memo repeats count each time, and cycles end so.
    private func value(of place: Int, depth: Int, budget: inout Int) throws(PickleError) -> PickleValue {
        budget -= 1
        guard budget >= 0, depth < limits.depth else { throw input.error("its values are nested too deep or too many") }
        switch nodes[place] {
        case .none: return .none
        case .bool(let value): return .bool(value)
        case .int(let value): return .int(value)
        case .float(let value): return .float(value)
        case .string(let text): return .string(text)
        case .bytes(let bytes): return .bytes(bytes)
        case .list(let items): return .list(try values(of: items, depth: depth, budget: &budget))
        case .tuple(let items): return .tuple(try values(of: items, depth: depth, budget: &budget))
        case .dictionary(let items):
            let values = try values(of: items, depth: depth, budget: &budget)
            return .dictionary(
                stride(from: 0, to: values.count, by: 2).map { .init(key: values[$0], value: values[$0 + 1]) })
        case .type: throw input.error("a class is no value")
        case .object(let type, let fields):
            var values: [String: PickleValue] = [:]
            for field in fields {
                values[field.name] = try value(of: field.value, depth: depth + 1, budget: &budget)
            }
            return .object(PickleObject(type: type, fields: values))
        }
    }

    private func values(of places: [Int], depth: Int, budget: inout Int) throws(PickleError) -> [PickleValue] {
        var values: [PickleValue] = []
        for place in places { values.append(try value(of: place, depth: depth + 1, budget: &budget)) }
        return values
    }
}
