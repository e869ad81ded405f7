internal import FailureDiagnosis

/// The lines of progress in a piece of a log, for those who only want to read them.
package struct StepLines {
    package struct Line {
        /// Where it is in the piece.
        package var line: Range<Int>
        /// The rank that the line itself names.
        package var rank: Int?
        package var reading: ProgressReading
    }

    /// In the order of the piece. Of a large piece the last lines of steps only.
    package private(set) var lines: [Line] = []

    /// - Parameter profile: what gave this log's last steps, and gives these; `nil`: none is known.
    package init(in bytes: UnsafeRawBufferPointer, of table: ProfileTable, profile: inout Int?) {
        let found = ProgressLines(in: bytes, of: table, profile: profile).found
        lines = found.map { Line(line: $0.line, rank: $0.rank, reading: $0.reading) }
        if let last = found.last(where: { $0.reading.event == .step }) { profile = last.profile ?? profile }
    }
}
