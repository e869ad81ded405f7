/// A path with wildcards, as a shell with `globstar` and braces reads it: `*`, `?`, `[a-z]`, `[!a-z]`, `{a,b}`, and `**` for any number of
/// folders. A backslash makes the next character a plain one.
///
/// A name that begins with a dot is matched only by a part of the pattern that begins with a dot, too.
struct PathPattern: Hashable, Sendable {
    /// A part of the path, between slashes.
    enum Part: Hashable, Sendable {
        case name(String)
        case wildcard(NamePattern)
        /// `**`: any number of folders, none too.
        case anyDepth
    }

    /// How many patterns the braces of one may stand for.
    static let mostBraces = 1000

    let parts: [Part]

    /// Whether the text has a character that makes it a pattern.
    static func isPattern(_ text: String) -> Bool {
        text.unicodeScalars.contains { "*?[{\\".unicodeScalars.contains($0) }
    }

    /// All patterns that an absolute path with braces stands for; at most `mostBraces`.
    static func all(_ path: String) -> [PathPattern] {
        expandBraces(Array(path.unicodeScalars)).prefix(mostBraces).map(PathPattern.init)
    }

    private init(_ path: [Unicode.Scalar]) {
        var parts: [Part] = []
        for part in path.split(separator: "/") where !part.elementsEqual(["."]) {
            if part.elementsEqual(["*", "*"]) {
                if parts.last != .anyDepth { parts.append(.anyDepth) }
            } else if let pattern = NamePattern(part) {
                parts.append(pattern.plainName.map(Part.name) ?? .wildcard(pattern))
            }
        }
        // `logs/**` is every file below.
        if parts.last == .anyDepth, let any = NamePattern(["*"]) { parts.append(.wildcard(any)) }
        self.parts = parts
    }

    /// Whether the absolute path is one of the pattern's.
    ///
    /// - Parameter seesHidden: whether wildcards match names with a dot in front, as those of exclusions do.
    func matches(_ path: String, seesHidden: Bool = false) -> Bool {
        matches(path.split(separator: "/")[...], parts[...], seesHidden)
    }

    private func matches(_ names: ArraySlice<Substring>, _ parts: ArraySlice<Part>, _ seesHidden: Bool) -> Bool {
        guard let part = parts.first else { return names.isEmpty }
        if part == .anyDepth {
            var rest = names
            while true {
                if matches(rest, parts.dropFirst(), seesHidden) { return true }
                guard let name = rest.popFirst(), seesHidden || !name.hasPrefix(".") else { return false }
            }
        }
        guard let name = names.first, part.matches(name, seesHidden: seesHidden) else { return false }
        return matches(names.dropFirst(), parts.dropFirst(), seesHidden)
    }

    private static func expandBraces(_ text: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
        guard let (start, choices, end) = firstBraces(in: text) else { return [text] }
        let rests = expandBraces(Array(text[end...]))
        var all: [[Unicode.Scalar]] = []
        for choice in choices.flatMap({ expandBraces(Array($0)) }) {
            for rest in rests {
                guard all.count < mostBraces else { return all }
                all.append(text[..<start] + choice + rest)
            }
        }
        return all
    }

    /// The first braces with a comma inside; others are plain characters.
    private static func firstBraces(
        in text: [Unicode.Scalar]
    ) -> (start: Int, choices: [ArraySlice<Unicode.Scalar>], end: Int)? {
        var start = 0
        while let open = indexOfPlain("{", in: text, from: start) {
            var depth = 0
            var choices: [ArraySlice<Unicode.Scalar>] = []
            var choiceStart = open + 1
            var index = open
            while index < text.count {
                switch text[index] {
                case "\\": index += 1
                case "{": depth += 1
                case ",":
                    if depth == 1 {
                        choices.append(text[choiceStart..<index])
                        choiceStart = index + 1
                    }
                case "}":
                    depth -= 1
                    if depth == 0 {
                        if choices.isEmpty { break }
                        return (open, choices + [text[choiceStart..<index]], index + 1)
                    }
                default: break
                }
                if depth == 0 { break }
                index += 1
            }
            start = open + 1
        }
        return nil
    }

    private static func indexOfPlain(_ scalar: Unicode.Scalar, in text: [Unicode.Scalar], from start: Int) -> Int? {
        var index = start
        while index < text.count {
            if text[index] == scalar { return index }
            index += text[index] == "\\" ? 2 : 1
        }
        return nil
    }
}

extension PathPattern.Part {
    func matches(_ name: some StringProtocol, seesHidden: Bool) -> Bool {
        switch self {
        case .name(let own): return own == name
        case .wildcard(let pattern): return pattern.matches(name, seesHidden: seesHidden)
        case .anyDepth: return true
        }
    }
}

/// A pattern for one name, without slashes.
struct NamePattern: Hashable, Sendable {
    private enum Element: Hashable {
        case scalar(Unicode.Scalar)
        case anyOne
        case anyRun
        case set([ClosedRange<Unicode.Scalar>], isNegated: Bool)
    }

    private var elements: [Element] = []

    /// - Returns: `nil` for an empty text.
    init?(_ text: some Collection<Unicode.Scalar>) {
        var rest = Array(text)[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "*":
                if elements.last != .anyRun { elements.append(.anyRun) }
            case "?": elements.append(.anyOne)
            case "\\": elements.append(.scalar(rest.popFirst() ?? "\\"))
            case "[": elements.append(Self.set(&rest) ?? .scalar("["))
            default: elements.append(.scalar(scalar))
            }
        }
        if elements.isEmpty { return nil }
    }

    /// The name itself, where nothing in it is a wildcard.
    var plainName: String? {
        var name = String.UnicodeScalarView()
        for element in elements {
            guard case .scalar(let scalar) = element else { return nil }
            name.append(scalar)
        }
        return String(name)
    }

    func matches(_ name: some StringProtocol, seesHidden: Bool = false) -> Bool {
        let name = Array(name.unicodeScalars)
        if name.first == ".", !seesHidden, elements.first != .scalar(".") { return false }
        // The usual way: on a mismatch, the last `*` takes one more.
        var (at, next) = (0, 0)
        var star: (element: Int, taken: Int)?
        while at < name.count {
            if next < elements.count, elements[next] == .anyRun {
                star = (next, at)
                next += 1
            } else if next < elements.count, Self.matches(elements[next], name[at]) {
                next += 1
                at += 1
            } else if let last = star {
                star = (last.element, last.taken + 1)
                next = last.element + 1
                at = last.taken + 1
            } else {
                return false
            }
        }
        return elements[next...].allSatisfy { $0 == .anyRun }
    }

    private static func matches(_ element: Element, _ scalar: Unicode.Scalar) -> Bool {
        switch element {
        case .scalar(let own): own == scalar
        case .anyOne, .anyRun: true
        case .set(let ranges, let isNegated): ranges.contains { $0.contains(scalar) } != isNegated
        }
    }

    /// Reads what follows a `[` up to its `]`. `nil`, and nothing is read, where it is not closed.
    private static func set(_ rest: inout ArraySlice<Unicode.Scalar>) -> Element? {
        var text = rest
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        let isNegated = text.first == "!" || text.first == "^"
        if isNegated { text.removeFirst() }
        var isFirst = true
        while var low = text.popFirst() {
            if low == "]", !isFirst {
                rest = text
                return .set(ranges, isNegated: isNegated)
            }
            isFirst = false
            if low == "\\", let next = text.popFirst() { low = next }
            if text.first == "-", let high = text.dropFirst().first, high != "]" {
                text.removeFirst(2)
                if low <= high { ranges.append(low...high) }
            } else {
                ranges.append(low...low)
            }
        }
        return nil
    }
}
