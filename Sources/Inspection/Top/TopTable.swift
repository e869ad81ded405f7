private import SystemSupport

/// A column of one of the tables.
struct TopColumn: Sendable {
    let title: String
    /// Numbers go to the right, and are sorted with the greatest first.
    var isNumber = true
    /// In a narrow window those with the least go first; `nil`: it always stays.
    var importance: Int?
    /// How many columns it may take at most, unless there is room.
    var width = 12

    static func text(_ title: String, width: Int, importance: Int? = nil) -> TopColumn {
        TopColumn(title: title, isNumber: false, importance: importance, width: width)
    }

    static func number(_ title: String, importance: Int? = nil) -> TopColumn {
        TopColumn(title: title, importance: importance)
    }
}

/// What stands in a column, and what it is sorted by.
struct TopCell: Sendable {
    enum Order: Sendable {
        case number(Double)
        case text(String)
        /// Nothing is known: always last.
        case none
    }

    let text: String
    let order: Order

    /// Text of others: on one line, without secrets, and harmless.
    static func text(_ text: String) -> TopCell {
        let shown = HumanText.line(text)
        return TopCell(text: shown, order: shown.isEmpty ? .none : .text(shown))
    }

    /// - Parameter write: makes it readable; not called where there is no number.
    static func number(_ value: Double?, _ write: (Double) -> String) -> TopCell {
        guard let value, value.isFinite else { return TopCell(text: "-", order: .none) }
        return TopCell(text: write(value), order: .number(value))
    }

    static func count(_ value: UInt64?) -> TopCell { number(value.map { Double($0) }) { "\(UInt64(min($0, 0x1p62)))" } }
    static func rate(_ value: Double?) -> TopCell { number(value.map { max(0, $0) }) { HumanText.amount($0) } }
    static func bytes(_ value: Double?) -> TopCell {
        number(value.map { max(0, $0) }) { HumanText.bytes(Int(min($0, 0x1p62))) }
    }
    /// A time in seconds.
    static func span(_ seconds: Double?) -> TopCell {
        number(seconds.map { max(0, $0) }) { HumanText.span(from: 0, to: Int64(min($0, 1e15).rounded())) }
    }
}

struct TopRow: Sendable {
    enum Mark: Sendable { case plain, warning, alarm }

    var cells: [TopCell]
    var mark = Mark.plain

    /// Whether a cell has the text, in capitals or not.
    func contains(_ text: String) -> Bool {
        let text = text.lowercased()
        return text.isEmpty || cells.contains { $0.text.lowercased().contains(text) }
    }
}

/// What a table is sorted by.
package struct TopSort: Hashable, Sendable {
    package var column: Int
    package var isReversed: Bool

    package init(column: Int, isReversed: Bool = false) {
        self.column = column
        self.isReversed = isReversed
    }
}

/// One table of the frame.
struct TopTable: Sendable {
    let columns: [TopColumn]
    var rows: [TopRow] = []
    /// What is said where there is no row.
    let empty: String

    /// Greatest numbers first, texts by the alphabet, what is unknown last; of equals, the first comes first.
    func sorted(by sort: TopSort?) -> [TopRow] {
        guard let sort, columns.indices.contains(sort.column) else { return rows }
        let isAscending = columns[sort.column].isNumber == sort.isReversed
        let ordered = rows.enumerated().sorted { first, second in
            switch Self.comparison(first.element.cells[sort.column].order, second.element.cells[sort.column].order) {
            case (let isLess?, _): isLess == isAscending
            case (nil, true): first.offset < second.offset
            case (nil, false): Self.isKnown(first.element.cells[sort.column].order)
            }
        }
        return ordered.map(\.element)
    }

    private static func isKnown(_ order: TopCell.Order) -> Bool {
        if case .none = order { false } else { true }
    }

    /// Whether the first is less; `nil` where they are equal, or only one of the two is known.
    private static func comparison(_ first: TopCell.Order, _ second: TopCell.Order) -> (Bool?, areEqual: Bool) {
        switch (first, second) {
        case (.number(let first), .number(let second)): (first == second ? nil : first < second, first == second)
        case (.text(let first), .text(let second)): (first == second ? nil : first < second, first == second)
        case (.none, .none): (nil, true)
        // A column has numbers or texts.
        case (.number, .text), (.text, .number): (nil, true)
        case (.none, _), (_, .none): (nil, false)
        }
    }

    // MARK: layout

    private static let space = "  "

    /// The titles, and a line for each of the rows.
    ///
    /// - Parameter width: of the window; `nil`: as wide as it gets.
    func lines(_ rows: [TopRow], sort: TopSort?, width: Int?) -> [String] {
        let titles = columns.indices.map { title($0, sort) }
        let natural = columns.indices.map { index in
            rows.reduce(TerminalWidth.columns(of: titles[index])) {
                max($0, TerminalWidth.columns(of: $1.cells[index].text))
            }
        }
        let widths = Self.widths(natural, columns, titles, limit: width)
        return ([titles] + rows.map { $0.cells.map(\.text) }).map { texts in
            var line = columns.indices.compactMap { index -> String? in
                guard widths[index] > 0 else { return nil }
                return TerminalWidth.fit(texts[index], to: widths[index], isNumber: columns[index].isNumber)
            }.joined(separator: Self.space)
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    private func title(_ index: Int, _ sort: TopSort?) -> String {
        guard let sort, sort.column == index else { return columns[index].title }
        return columns[index].title + (columns[index].isNumber == sort.isReversed ? " ^" : " v")
    }

    /// How wide each column becomes; 0: it is left out. First texts are cut to their usual width, then columns go, least important first; what
    /// is left over then goes to the texts from the left.
    private static func widths(
        _ natural: [Int], _ columns: [TopColumn], _ titles: [String], limit: Int?
    ) -> [Int] {
        guard let limit else { return natural }
        var widths = natural
        func used() -> Int {
            let shown = widths.filter { $0 > 0 }
            return shown.reduce(0, +) + space.count * max(0, shown.count - 1)
        }
        guard used() > limit else { return widths }
        for index in columns.indices where !columns[index].isNumber {
            widths[index] = min(natural[index], max(columns[index].width, TerminalWidth.columns(of: titles[index])))
        }
        let candidates = columns.indices.filter { columns[$0].importance != nil }
            .sorted { (columns[$0].importance ?? 0) < (columns[$1].importance ?? 0) }
        for index in candidates where used() > limit { widths[index] = 0 }
        // What always stays may still be too wide.
        if used() > limit, let text = columns.indices.first(where: { !columns[$0].isNumber && widths[$0] > 0 }) {
            widths[text] = max(4, widths[text] - (used() - limit))
        }
        for index in columns.indices where !columns[index].isNumber && widths[index] > 0 {
            widths[index] = min(natural[index], widths[index] + max(0, limit - used()))
        }
        return widths
    }
}
