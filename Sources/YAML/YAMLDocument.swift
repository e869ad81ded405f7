private import CYAML

/// Reads the one document of a YAML text.
package enum YAMLDocument {
    /// How many values a document may have where aliases stand for what they name. A text of a few lines could otherwise be a document of
    /// billions.
    static let mostNodes = 1_000_000
    /// How deep values may stand in each other: reading one, and using it, takes the stack.
    static let mostLevels = 500

    /// The document's value; `nil` if there is no document.
    package static func root(of text: String) throws(YAMLProblem) -> YAMLNode? {
        try Array(text.utf8).withUnsafeBufferPointer { bytes throws(YAMLProblem) in
            let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
            defer { parser.deallocate() }
            guard yaml_parser_initialize(parser) == 1 else { throw YAMLProblem.noMemory }
            defer { yaml_parser_delete(parser) }
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            // Without an address, the parser would take it for no input at all.
            let start = bytes.baseAddress ?? UnsafePointer(bitPattern: 1)
            yaml_parser_set_input_string(parser, start, bytes.count)
            var reader = EventReader(parser: parser, input: bytes)
            return try reader.singleRoot()
        }
    }
}

/// Makes values of libyaml's events.
private struct EventReader {
    let parser: UnsafeMutablePointer<yaml_parser_t>
    let input: UnsafeBufferPointer<UInt8>
    /// What aliases may name so far, each with the number of its values.
    private var anchors: [String: (node: YAMLNode, count: Int)] = [:]
    private var count = 0
    private var level = 0

    init(parser: UnsafeMutablePointer<yaml_parser_t>, input: UnsafeBufferPointer<UInt8>) {
        self.parser = parser
        self.input = input
    }

    mutating func singleRoot() throws(YAMLProblem) -> YAMLNode? {
        guard case .other = try next(), case .other(isEndOfStream: false) = try next() else { return nil }
        let root = try node(try next())
        _ = try next()
        guard case .other(isEndOfStream: true) = try next() else {
            throw problem("expected a single document in the stream in line 1: but found another document", lastMark)
        }
        return root
    }

    // MARK: events

    private enum Event {
        case alias(String)
        case scalar(String, anchor: String?)
        case sequenceStart(anchor: String?)
        case sequenceEnd
        case mappingStart(anchor: String?)
        case mappingEnd
        /// Where the stream or a document begins or ends.
        case other(isEndOfStream: Bool)
    }

    /// Where the last event began.
    private var lastMark = yaml_mark_t()

    private mutating func next() throws(YAMLProblem) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw problem() }
        defer { yaml_event_delete(&event) }
        lastMark = event.start_mark
        switch event.type {
        case YAML_ALIAS_EVENT:
            return .alias(Self.text(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let value = UnsafeBufferPointer(start: event.data.scalar.value, count: event.data.scalar.length)
            return .scalar(String(decoding: value, as: UTF8.self), anchor: Self.text(event.data.scalar.anchor))
        case YAML_SEQUENCE_START_EVENT: return .sequenceStart(anchor: Self.text(event.data.sequence_start.anchor))
        case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
        case YAML_MAPPING_START_EVENT: return .mappingStart(anchor: Self.text(event.data.mapping_start.anchor))
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        case let type: return .other(isEndOfStream: type == YAML_STREAM_END_EVENT)
        }
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    // MARK: values

    private mutating func node(_ event: Event) throws(YAMLProblem) -> YAMLNode {
        let before = count
        try add(1)
        level += 1
        defer { level -= 1 }
        guard level <= YAMLDocument.mostLevels else {
            throw problem("more than \(YAMLDocument.mostLevels) values stand in each other", lastMark)
        }
        let line = lastMark.line + 1
        let content: YAMLNode.Content
        let name: String?
        switch event {
        case .alias(let alias):
            guard let (node, size) = anchors[alias] else { throw problem("found undefined alias", lastMark) }
            try add(size - 1)
            return node
        case .scalar(let text, let anchor): (content, name) = (.scalar(text), anchor)
        case .sequenceStart(let anchor): (content, name) = (.sequence(try sequence()), anchor)
        case .mappingStart(let anchor): (content, name) = (.mapping(try mapping(beganIn: line)), anchor)
        case .sequenceEnd, .mappingEnd, .other: throw problem("found no value", lastMark)
        }
        let node = YAMLNode(content: content, line: line)
        if let name { anchors[name] = (node, count - before) }
        return node
    }

    private mutating func sequence() throws(YAMLProblem) -> [YAMLNode] {
        var nodes: [YAMLNode] = []
        while true {
            let event = try next()
            if case .sequenceEnd = event { return nodes }
            nodes.append(try node(event))
        }
    }

    private mutating func mapping(beganIn line: Int) throws(YAMLProblem) -> [(key: YAMLNode, value: YAMLNode)] {
        var pairs: [(key: YAMLNode, value: YAMLNode)] = []
        var keys: Set<String> = []
        var doubles: [String] = []
        while true {
            let event = try next()
            if case .mappingEnd = event { break }
            let key = try node(event)
            if let text = key.text, !keys.insert(text).inserted, !doubles.contains(text), doubles.count < 8 {
                doubles.append(text)
            }
            pairs.append((key, try node(try next())))
        }
        guard doubles.isEmpty else { throw YAMLProblem(doubles: doubles.sorted(), inMappingOf: line) }
        return pairs
    }

    private mutating func add(_ nodes: Int) throws(YAMLProblem) {
        count += nodes
        guard count <= YAMLDocument.mostNodes else {
            throw problem(
                "the document has more than \(YAMLDocument.mostNodes) values, with those of its aliases", lastMark)
        }
    }

    // MARK: problems

    private func problem(_ text: String, _ mark: yaml_mark_t) -> YAMLProblem {
        YAMLProblem(description: "line \(mark.line + 1), column \(mark.column + 1): \(text)")
    }

    /// What libyaml stumbled over. Its texts are constants: nothing of the input is in them.
    private func problem() -> YAMLProblem {
        guard let text = parser.pointee.problem.map({ String(cString: $0) }) else { return .noMemory }
        if parser.pointee.error == YAML_READER_ERROR {
            let before = input.prefix(parser.pointee.problem_offset)
            return YAMLProblem(description: "line \(before.count { $0 == UInt8(ascii: "\n") } + 1): \(text)")
        }
        let context = parser.pointee.context.map {
            "\(String(cString: $0)) in line \(parser.pointee.context_mark.line + 1): "
        }
        return problem((context ?? "") + text, parser.pointee.problem_mark)
    }
}

/// A value in a YAML document, and where it stands. What a scalar means is for its reader to say: here it is a text.
package struct YAMLNode: Sendable {
    package enum Content: Sendable {
        /// The text, without quotes.
        case scalar(String)
        case sequence([YAMLNode])
        /// In the order of the document. No text is a key twice.
        case mapping([(key: YAMLNode, value: YAMLNode)])
    }

    package let content: Content
    /// From 1. A value that stands for an alias is where its anchor is.
    package let line: Int

    /// The text of a scalar.
    package var text: String? {
        if case .scalar(let text) = content { text } else { nil }
    }
}
