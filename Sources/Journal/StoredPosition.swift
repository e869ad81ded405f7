/// A source's position and the number of the record that set it: of two, the higher number is the newer.
struct StoredPosition: Hashable, Sendable {
    var number: UInt64
    /// The lane of that record, whose segments keep the position: so it is lost if and only if the record is.
    var lane: String
    var bytes: [UInt8]
}

extension [String: StoredPosition] {
    mutating func note(_ key: String, _ position: StoredPosition) {
        if let known = self[key], known.number > position.number { return }
        self[key] = position
    }

    mutating func note(_ header: RecordHeader, lane: String) {
        guard let source = header.source else { return }
        note(source.key, StoredPosition(number: header.number, lane: lane, bytes: source.bytes))
    }

    mutating func note(_ others: [String: StoredPosition]) {
        for (key, position) in others { note(key, position) }
    }
}
