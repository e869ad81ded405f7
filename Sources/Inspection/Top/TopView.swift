private import SystemSupport

/// What the user of `arobust top` has chosen to see.
package struct TopView: Sendable {
    /// What becomes of a key.
    package enum Outcome: Hashable, Sendable {
        case nothing, redraw, quit
    }

    /// Which intervals `+` and `-` choose from.
    static let intervals: [Duration] = [
        .milliseconds(500), .seconds(1), .seconds(2), .seconds(5), .seconds(10), .seconds(30), .seconds(60),
    ]
    private static let longestFilter = 200

    /// How often one looks again.
    package var interval: Duration
    /// The table that is shown; `nil`: all.
    package var section: TopSection?
    package var sorts: [TopSection: TopSort] = [:]
    /// Rows without this text are not shown.
    package var filter = ""
    /// What is shown does not change.
    package private(set) var isPaused = false
    var isHelpShown = false
    /// The filter while it is typed.
    var typed: String?
    /// How many lines are scrolled past, and how many fit; the frame corrects both.
    var (offset, page) = (0, 1)
    /// Said once, in the last line.
    var note: String?

    package init(interval: Duration = .seconds(2)) {
        self.interval = interval
    }

    /// - Parameter columns: how many columns a table has.
    package mutating func handle(_ key: TopKey, columns: (TopSection) -> Int) -> Outcome {
        note = nil
        if let text = typed { return type(key, text) }
        switch key {
        case .character("q"), .character("Q"): return .quit
        case .character("?"), .character("h"): isHelpShown.toggle()
        case .control("l"): break
        case .escape:
            if isHelpShown { isHelpShown = false } else { filter = "" }
        case .tab: turn(1)
        case .backTab: turn(-1)
        case .character(let digit) where "0"..."5" ~= digit: show(number: digit.wholeNumberValue ?? 0)
        case .left, .character("<"): sort(by: -1, columns)
        case .right, .character(">"): sort(by: 1, columns)
        case .character("r"):
            guard let section else { return chooseFirst() }
            sorts[section]?.isReversed.toggle()
        case .character("/"): typed = filter
        case .character(" "): isPaused.toggle()
        case .character("+"): interval = Self.intervals.last { $0 < interval } ?? Self.intervals[0]
        case .character("-"):
            interval = Self.intervals.first { $0 > interval } ?? Self.intervals[Self.intervals.count - 1]
        default: return scroll(key)
        }
        return .redraw
    }

    private mutating func scroll(_ key: TopKey) -> Outcome {
        switch key {
        case .up, .character("k"): offset -= 1
        case .down, .character("j"), .enter: offset += 1
        case .pageUp, .control("b"), .control("u"): offset -= page
        case .pageDown, .control("f"), .control("d"): offset += page
        case .home, .character("g"): offset = 0
        case .end, .character("G"): offset = .max / 2
        default: return .nothing
        }
        offset = max(0, offset)
        return .redraw
    }

    private mutating func type(_ key: TopKey, _ text: String) -> Outcome {
        switch key {
        case .enter:
            (filter, typed, offset) = (text, nil, 0)
        case .escape: typed = nil
        case .backspace: typed = String(text.dropLast())
        case .control("u"): typed = ""
        case .character(let character) where text.utf8.count < Self.longestFilter: typed = text + String(character)
        default: return .nothing
        }
        return .redraw
    }

    private mutating func turn(_ step: Int) {
        let all: [TopSection?] = [nil] + TopSection.allCases
        let place = all.firstIndex(of: section) ?? 0
        show(number: (place + step + all.count) % all.count)
    }

    private mutating func show(number: Int) {
        (isHelpShown, offset) = (false, 0)
        section = number == 0 ? nil : TopSection.allCases[number - 1]
    }

    private mutating func sort(by step: Int, _ columns: (TopSection) -> Int) {
        guard let section else { return _ = chooseFirst() }
        let count = max(1, columns(section))
        guard let known = sorts[section] else {
            return sorts[section] = TopSort(column: step > 0 ? 0 : count - 1)
        }
        sorts[section] = TopSort(column: (known.column + step + count) % count)
    }

    private mutating func chooseFirst() -> Outcome {
        note = "choose a table first, with Tab or 1 to \(TopSection.allCases.count)"
        return .redraw
    }
}
