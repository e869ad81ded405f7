private import SystemSupport

/// One line of a frame.
package struct TopLine: Hashable, Sendable {
    /// How it is drawn, where the terminal can.
    package enum Style: Hashable, Sendable {
        case plain, title, columns, warning, alarm, faint
    }

    package var text: String
    package var style: Style

    init(_ text: String, _ style: Style = .plain) {
        self.text = text
        self.style = style
    }
}

/// What a terminal shows: a pure function of the sheet, the view and the window.
package struct TopFrame: Sendable {
    private static let keys = "q quit  ? help  Tab table  < > r sort  / filter  Space pause"

    private let sheet: TopSheet

    /// - Parameter rates: takes in the look.
    package init(_ look: TopLook, rates: inout TopRates) {
        rates.record(look)
        sheet = TopSheet(look, rates: rates)
    }

    /// How many columns a table has.
    package func columns(of section: TopSection) -> Int { sheet.tables[section]?.columns.count ?? 0 }

    /// The titles of a table's columns, by which it can be sorted.
    package static func titles(of section: TopSection) -> [String] {
        var rates = TopRates()
        return TopFrame(TopLook(at: 0, time: 0), rates: &rates).sheet.tables[section]?.columns.map(\.title) ?? []
    }

    /// The window's lines, at most as many as it has, and none wider than it.
    ///
    /// - Parameter view: what is scrolled too far comes back.
    package func lines(_ view: inout TopView, rows: Int, columns: Int) -> [TopLine] {
        // The tables are what one looks at: the head leaves them half of the window.
        let head = Array(([title(view)] + sheet.head).prefix(max(1, rows / 2)))
        let hasTabs = rows >= head.count + 3
        let hasFoot = rows >= head.count + 2
        let room = max(0, rows - head.count - (hasTabs ? 1 : 0) - (hasFoot ? 1 : 0))
        let (fixed, body) = view.isHelpShown ? ([], Self.help) : body(view, width: columns)
        view.page = max(1, room - fixed.count)
        view.offset = max(0, min(view.offset, body.count - view.page))
        let shown = body.dropFirst(view.offset).prefix(view.page)
        var lines = head
        if hasTabs { lines.append(tabs(view)) }
        lines += (fixed + shown).prefix(room)
        while hasFoot, lines.count < rows - 1 { lines.append(TopLine("")) }
        if hasFoot { lines.append(foot(view, shown: shown.count, of: body.count, columns: columns)) }
        return lines.prefix(max(0, rows)).map {
            TopLine(TerminalWidth.cut($0.text, to: columns), $0.style)
        }
    }

    /// All lines, for a file or a pipe.
    ///
    /// - Parameter width: of the window; `nil`: as wide as they get.
    package func plainLines(_ view: TopView, width: Int?) -> [String] {
        let (fixed, rest) = body(view, width: width)
        return
            ([TopLine("arobust top  \(TimeText.write(sheet.look.time))")] + sheet.head + [TopLine("")] + fixed + rest)
            .map { line in width.map { TerminalWidth.cut(line.text, to: $0) } ?? line.text }
    }

    private func title(_ view: TopView) -> TopLine {
        let state = view.isPaused ? "  PAUSED" : ""
        return TopLine(
            "arobust top  \(TimeText.write(sheet.look.time))  every \(DurationText.write(view.interval))\(state)",
            .title)
    }

    private func tabs(_ view: TopView) -> TopLine {
        let names = [("All", 0, nil)] + TopSection.allCases.enumerated().map { ($1.title, $0 + 1, Optional($1)) }
        let text = names.map { name, number, section in
            let label = "\(number) \(name)"
            return !view.isHelpShown && section == view.section ? "[\(label)]" : " \(label) "
        }.joined()
        return TopLine(text, .title)
    }

    /// The keys on the left; on the right what is shown.
    private func foot(_ view: TopView, shown: Int, of count: Int, columns: Int) -> TopLine {
        if let typed = view.typed {
            return TopLine("filter: \(HumanText.line(typed))_   Enter: show these rows  Esc: leave it", .title)
        }
        let filter = view.filter.isEmpty ? "" : "  filter: \(TerminalWidth.cut(HumanText.line(view.filter), to: 24))"
        let place = filter + (count > shown ? "  lines \(view.offset + 1)-\(view.offset + shown) of \(count)" : "")
        let room = max(0, columns - TerminalWidth.columns(of: place))
        let keys = view.note ?? Self.keys
        return TopLine(
            place.isEmpty ? keys : TerminalWidth.fit(keys, to: room) + place, view.note == nil ? .faint : .warning)
    }

    // MARK: tables

    /// The lines that stay while one scrolls, and those that move.
    private func body(_ view: TopView, width: Int?) -> (fixed: [TopLine], rest: [TopLine]) {
        guard let section = view.section else {
            let all = TopSection.allCases.flatMap { section -> [TopLine] in
                let (head, rows) = table(section, view, width: width)
                let title = TopLine("\(section.title) (\(sheet.tables[section]?.rows.count ?? 0))", .title)
                return [title] + head + rows + [TopLine("")]
            }
            return ([], all.dropLast())
        }
        let (head, rows) = table(section, view, width: width)
        return (head, rows)
    }

    private func table(_ section: TopSection, _ view: TopView, width: Int?) -> (head: [TopLine], rows: [TopLine]) {
        guard let table = sheet.tables[section], !table.rows.isEmpty else {
            return ([], [TopLine(sheet.tables[section]?.empty ?? "", .faint)])
        }
        let rows = table.sorted(by: view.sorts[section]).filter { $0.contains(view.filter) }
        guard !rows.isEmpty else { return ([], [TopLine("No row has '\(HumanText.line(view.filter))'.", .faint)]) }
        let lines = table.lines(rows, sort: view.sorts[section], width: width)
        let styled = zip(lines.dropFirst(), rows).map { line, row in
            TopLine(line, row.mark == .alarm ? .alarm : row.mark == .warning ? .warning : .plain)
        }
        return ([TopLine(lines[0], .columns)], styled)
    }

    private static let help = """
        q, Ctrl-C          leave
        ? or h             this help, and back
        Tab, Shift-Tab     the next table, the one before; 0 all, 1 to 5 one of them
        arrows, j k        scroll; PgUp PgDn, Ctrl-U Ctrl-D by pages; Home End, g G
        < >                choose the column that the table is sorted by
        r                  turn the order round
        /                  show only rows with a text: Enter to do it, Esc to leave it
        Esc                all rows again
        Space              stop the display, and go on
        + -                refresh more often, less often
        Ctrl-L             draw all anew

        MASTERS   LAG: since when the oldest envelope waits that the master has not got.
                  LEFT: how long what is pending takes at the pace of the last half
                  minute; -: it does not get less. ACK/S: envelopes that it accepted.
                  BYTES/S: what it finished. NEW/S: what is published for it.
        RANKS     S/STEP: seconds that a step takes. LAST LINE: read from the log, as far
                  as you may read it.
        LOGS      UNREAD: bytes not read yet. LEFT: how long reading them takes.
        LANES     what the publisher publishes, by data type.
        MESSAGES  what is wrong now, the masters' last errors, root causes in logs.
        """.split(separator: "\n", omittingEmptySubsequences: false).map { TopLine(String($0)) }
}
