/// The times of lines that have none themselves.
struct LineTimes {
    /// How far back a line with a time is looked for, in lines.
    private static let farthest = 300

    let bytes: UnsafeRawBufferPointer
    let time: LogTime

    /// The time of the last line before `position` that has one.
    func last(before position: Int) -> Double? {
        var end = position
        for _ in 0..<Self.farthest {
            guard end > 0 else { return nil }
            var start = end - 1
            while start > 0, bytes[start - 1] != 0x0A { start -= 1 }
            if let found = time.read(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) { return found }
            end = start
        }
        return nil
    }
}
