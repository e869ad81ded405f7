/// Says which lines of logs speak of a failure and when they were written, and sees the lines once they are reported.
package protocol LogObserver: Sendable {
    /// Looks for lines that speak of a failure. May be called for lines that are never reported.
    ///
    /// - Parameter lines: whole lines; the last may lack its end.
    /// - Returns: in the order of the lines; a line may come several times.
    func judge(_ lines: UnsafeRawBufferPointer) -> [JudgedLine]

    /// The time that a line gives as its own, in seconds since 1970.
    func time(of line: UnsafeRawBufferPointer) -> Double?

    /// Takes lines that were reported just now.
    ///
    /// A log collector calls this on its own thread and reads nothing meanwhile, so it must be quick and must not block. The calls for one log
    /// come one at a time, in the order of its lines; calls for several logs may overlap.
    ///
    /// Each reported line comes once while the process lives; one that could not be reported comes when it is. After a kill, the lines that
    /// were reported last may be missing, and where the stored position is lost, lines come again. Lines that a rate limit left out come, too.
    ///
    /// - Parameters:
    ///   - lines: whole lines as they were reported: joined by newlines, without the final one, and with U+FFFD for bytes that are not UTF-8.
    ///     The pieces of a line that is too long come as separate lines, each but the last with a mark at its end.
    ///   - judged: what `judge` said about the same bytes.
    ///   - path: the log's absolute path.
    func observe(_ lines: String, judged: [JudgedLine], of path: String)

    /// Says how much of a log is left to read after the lines that `observe` takes next: 0 where the collector has come to its end.
    ///
    /// There is a default, which does nothing.
    func noteUnread(_ bytes: UInt64, of path: String)
}

extension LogObserver {
    package func noteUnread(_ bytes: UInt64, of path: String) {}

    /// Judges lines that were reported, and takes them.
    package func observe(_ lines: String, of path: String) {
        var lines = lines
        // Copies nothing, because a log collector's lines are a native string.
        let judged = lines.withUTF8 { judge(UnsafeRawBufferPointer($0)) }
        observe(lines, judged: judged, of: path)
    }
}

/// A line that a rule of the diagnosis matches.
package struct JudgedLine: Hashable, Sendable {
    /// How much a match says.
    package enum Weight: Sendable {
        /// Nothing of a failure.
        case none
        /// A sign of one.
        case symptom
        /// It may be what the training fails of.
        case rootCause
    }

    /// Where it is in the judged bytes; of a very long line, a part of it.
    package var line: Range<Int>
    /// The id of the rule that says so, and its place in the table.
    package var rule: String
    package var ruleIndex: Int
    package var weight: Weight

    package init(line: Range<Int>, rule: String, ruleIndex: Int = 0, weight: Weight) {
        self.line = line
        self.rule = rule
        self.ruleIndex = ruleIndex
        self.weight = weight
    }
}
