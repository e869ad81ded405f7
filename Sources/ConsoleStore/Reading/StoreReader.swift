internal import Diagnosis
internal import SQLite
internal import SystemSupport

/// Answers questions, from a connection that only reads. For one thread at a time.
final class StoreReader {
    /// Whose a row is.
    struct Place {
        var node: Int64
        var nodeRank: Int
        var rank: Int?

        var key: String { rank.map { "\(nodeRank)/\($0)" } ?? "\(nodeRank)" }
    }

    let database: SQLiteDatabase
    let options: ConsoleStoreOptions
    /// When the question that is asked now has to be answered.
    var deadline = ContinuousClock.now
    private var places: [Int64: Place] = [:]
    private var streams: [Int64: (row: Int64, type: String)] = [:]

    init(_ database: SQLiteDatabase, options: ConsoleStoreOptions) {
        self.database = database
        self.options = options
    }

    /// Answers one question within its time.
    func answer<Answer>(_ body: (StoreReader) throws -> Answer) throws -> Answer {
        deadline = .now + options.questionTime
        database.setDeadline(deadline)
        defer { database.setDeadline(nil) }
        do {
            return try body(self)
        } catch let error as SQLiteError {
            guard error.isInterruption else {
                throw ConsoleStoreError(.storage, "the store cannot be read: \(error.message)")
            }
            let seconds = options.questionTime / .seconds(1)
            throw ConsoleStoreError(
                .tooLong, "this takes longer than \(seconds) s: ask for less, a shorter time or fewer ranks")
        }
    }

    /// Where a row stands; rows never change that.
    func place(_ row: Int64) throws -> Place {
        if let known = places[row] { return known }
        let found = try database.statement(
            "SELECT node.id, node.rank, row.rank FROM row JOIN node ON node.id = row.node WHERE row.id = ?")
        found.bind(1, row)
        defer { found.reset() }
        guard try found.step() else { return Place(node: 0, nodeRank: -1, rank: nil) }
        let rank = Int(found.int(2))
        let place = Place(node: found.int(0), nodeRank: Int(found.int(1)), rank: rank < 0 ? nil : rank)
        if places.count > 1_000_000 { places = [:] }
        places[row] = place
        return place
    }

    func stream(_ id: Int64) throws -> (place: Place, type: String) {
        if let known = streams[id] { return (try place(known.row), known.type) }
        let found = try database.statement("SELECT row, type FROM stream WHERE id = ?")
        found.bind(1, id)
        defer { found.reset() }
        guard try found.step() else { return (Place(node: 0, nodeRank: -1, rank: nil), "") }
        let known = (row: found.int(0), type: found.text(1))
        if streams.count > 1_000_000 { streams = [:] }
        streams[id] = known
        return (try place(known.row), known.type)
    }

    static func seconds(_ milliseconds: Int64) -> Double { Double(milliseconds) / 1000 }

    /// Any time is one: what is beyond the calendar is its end.
    static func milliseconds(_ seconds: Double) -> Int64 {
        guard seconds.isFinite else { return seconds < 0 ? 0 : 1 << 50 }
        return Int64((min(max(seconds, 0), 1e12) * 1000).rounded(.down))
    }

    static let badCursor = ConsoleStoreError(
        .question, "'after' must be what 'next' of the page before said, for the same question")
}
