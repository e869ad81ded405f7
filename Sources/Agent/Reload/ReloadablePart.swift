/// A part of the process that takes other settings while it runs.
protocol ReloadablePart: Sendable {
    /// Makes what the settings need, and changes nothing yet.
    ///
    /// - Throws: what makes them impossible; then nothing of them takes effect anywhere.
    func prepare(_ settings: AgentSettings) async throws -> PreparedPart
}

/// What a part has made ready.
struct PreparedPart: Sendable {
    /// Says what is different now, and what could not be done.
    struct Report: Sendable {
        var changes: [String] = []
        var errors: [String] = []
    }

    /// Puts the settings into force. Once it is cancelled, since the process ends, it waits for nothing more.
    let apply: @Sendable () async -> Report
    /// Gives up what was made, in the place of `apply`.
    var discard: @Sendable () async -> Void = {}

    /// Nothing is to be done.
    static let unchanged = PreparedPart { Report() }
}

/// A part that only takes values.
struct SimplePart: ReloadablePart {
    private let take: @Sendable (AgentSettings) async throws -> Void

    init(_ take: @escaping @Sendable (AgentSettings) async throws -> Void) {
        self.take = take
    }

    func prepare(_ settings: AgentSettings) async throws -> PreparedPart {
        PreparedPart {
            do {
                try await take(settings)
                return PreparedPart.Report()
            } catch {
                return PreparedPart.Report(errors: ["\(error)"])
            }
        }
    }
}
