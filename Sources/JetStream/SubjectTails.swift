internal import Diagnosis

/// Where in a subject's history a lane is, from the headers of its last message.
struct StoredPosition: Hashable {
    var lane: Lane
    var position: LanePosition
    /// How many of how many parts are there.
    var part: Int
    var parts: Int

    /// - Returns: `nil` for a message that is not arobust's.
    init?(_ headers: [String: String]) {
        guard let publisher = headers["Arobust-Publisher"].flatMap({ PublisherID($0) }),
            let epoch = headers["Arobust-Epoch"].flatMap({ UInt64($0) }),
            let sequence = headers["Arobust-Sequence"].flatMap({ UInt64($0) }), let type = headers["Arobust-Data-Type"]
        else { return nil }
        lane = Lane(publisher: publisher, dataType: DiagnosisDataType(rawValue: type))
        position = LanePosition(epoch: epoch, sequence: sequence)
        let numbers = headers["Arobust-Part"]?.split(separator: "/").compactMap { Int($0) } ?? [1, 1]
        guard numbers.count == 2, 1...numbers[1] ~= numbers[0] else { return nil }
        (part, parts) = (numbers[0], numbers[1])
    }
}

/// What is known of the subjects that this process writes to.
struct SubjectTails {
    enum Tail: Hashable {
        /// The stream's number of the subject's last message: a message is taken only if it still is the last.
        case known(UInt64)
        /// Others write to the subject too. What was sent twice is then known by its id, as long as the server keeps it.
        case shared
    }

    private var tails: [String: Tail] = [:]

    subscript(subject: String) -> Tail? {
        get { tails[subject] }
        set { tails[subject] = newValue }
    }
}
