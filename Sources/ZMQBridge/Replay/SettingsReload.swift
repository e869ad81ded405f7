/// What came of reading the settings again, in sentences for people.
package struct SettingsReload: Hashable, Sendable, Codable {
    package enum Outcome: String, Sendable, Codable, CaseIterable {
        /// They are in force, but for what waits for a restart.
        case applied
        /// They are in force, but something could not be done.
        case partly
        /// Something is wrong with them: all stays as it was.
        case refused
    }

    /// So many sentences of a kind are told, and so much of each, in characters: an answer has a bound.
    private static let (most, longest) = (100, 600)

    package var outcome: Outcome
    /// What is different now.
    package var changes: [String]
    /// What only a restart changes.
    package var restart: [String]
    package var errors: [String]

    package init(_ outcome: Outcome, changes: [String] = [], restart: [String] = [], errors: [String] = []) {
        self.outcome = outcome
        self.changes = Self.bounded(changes)
        self.restart = Self.bounded(restart)
        self.errors = Self.bounded(errors)
    }

    private static func bounded(_ sentences: [String]) -> [String] {
        let kept = sentences.prefix(most).map { $0.count > longest ? $0.prefix(longest) + "…" : $0 }
        return sentences.count > most ? kept + ["and \(sentences.count - most) more"] : kept
    }
}

/// Since when a process has its settings, and whether it has refused newer ones.
package struct SettingsStanding: Hashable, Sendable, Codable {
    /// When those that are in force were read, in seconds since 1970.
    package var readAt: Int64
    /// When others were refused, or taken only in part, since then.
    package var failedAt: Int64?
    /// Why.
    package var errors: [String] = []
    /// What waits for a restart.
    package var restart: [String] = []

    package init(readAt: Int64) {
        self.readAt = readAt
    }

    enum CodingKeys: String, CodingKey {
        case readAt = "read_at"
        case failedAt = "failed_at"
        case errors, restart
    }
}

/// Reads the settings of its process again, for whoever asks over the replay socket.
package protocol SettingsReloading: Sendable {
    /// Has them read again, soon. From any thread; any number of wishes before the next reading are one.
    ///
    /// - Returns: the number of that reading.
    func request() -> UInt64

    /// What came of a reading; `nil` while it is not done.
    func outcome(of number: UInt64) -> SettingsReload?

    var standing: SettingsStanding { get }
}
