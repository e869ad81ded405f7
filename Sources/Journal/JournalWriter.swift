/// What appending needs: the open files and the next number. Under a lock of its own, which only those who write take.
struct JournalWriter: Sendable {
    struct OpenSegment: Sendable {
        var number: UInt64
        var path: String
        var descriptor: CInt
    }

    /// The number of the next record or segment. Numbers of failed writes are not used again.
    var nextNumber: UInt64 = 1
    var open: [String: OpenSegment] = [:]
    /// Files and directories with something that no sync has followed yet.
    var unsynced: Set<String> = []
    /// Files of failed writes that could not be removed. No segment is deleted before they are, since their neighbours tell what they are.
    var leftovers: Set<String> = []
    /// A group as it goes to the file.
    var buffer: [UInt8] = []

    /// The first of so many numbers.
    mutating func takeNumbers(_ count: Int = 1) -> UInt64 {
        defer { nextNumber += UInt64(count) }
        return nextNumber
    }
}

/// What an append has done to one lane so far, so that it can be made undone or known.
struct LaneChange: Sendable {
    var lane: String
    var file: JournalWriter.OpenSegment
    /// The segment, if it was begun for this.
    var newSegment: Segment?
    /// How long the file was, as far as it counted.
    var length: UInt64
    var added: [(header: RecordHeader, offset: UInt64)] = []
}
