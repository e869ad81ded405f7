/// Rows in aligned columns.
package struct TextTable {
    package struct Column {
        var title: String
        /// Numbers go to the right.
        var isNumber: Bool

        package static func text(_ title: String) -> Column { Column(title: title, isNumber: false) }
        package static func number(_ title: String) -> Column { Column(title: title, isNumber: true) }
    }

    private static let space = "  "

    let columns: [Column]
    private var rows: [[String]] = []

    package init(_ columns: [Column]) {
        self.columns = columns
    }

    /// - Parameter cells: one a column.
    package mutating func add(_ cells: [String]) {
        rows.append(cells)
    }

    /// The titles and the rows; no spaces at the ends.
    package var lines: [String] {
        let all = [columns.map(\.title)] + rows
        let widths = columns.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { cells in
            let padded = cells.indices.map { index in
                let padding = String(repeating: " ", count: widths[index] - cells[index].count)
                return columns[index].isNumber ? padding + cells[index] : cells[index] + padding
            }
            var line = padded.joined(separator: Self.space)
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
