public import ZMQBridge

/// No publisher has answered.
public struct NoPublisherError: Error, CustomStringConvertible {
    /// Where it was looked for.
    public let endpoints: [BusEndpoint]
    /// Why those over the network let nobody in, as far as they said it.
    let refusals: [String]

    package init(endpoints: [BusEndpoint], refusals: [String] = []) {
        self.endpoints = endpoints
        self.refusals = refusals
    }

    private var hint: String {
        endpoints.contains { $0.address.hasPrefix("tcp://") }
            ? "does arobust agent or collect run there with publisher.listen?"
            : "does arobust agent or collect run with this state directory?"
    }

    public var description: String {
        let places = endpoints.map { "\($0)" }.joined(separator: ", ")
        let obstacles = endpoints.compactMap(\.obstacle) + refusals
        guard obstacles.isEmpty else {
            return "no publisher can be reached at \(places): \(obstacles.joined(separator: "; "))"
        }
        return "no publisher is at \(places); \(hint)"
    }
}

/// Watches beside a subscriber whether there is a publisher at all.
struct PublisherWaiting {
    /// How long nothing is said of a publisher that does not answer: its beat comes once a second, or when it is greeted.
    static let quietTime: Duration = .seconds(1)

    let subscriber: MetricSubscriber
    /// `nil`: for ever.
    let patience: Duration?
    let waiting: @Sendable (NoPublisherError) -> Void

    /// Runs the body until it ends.
    ///
    /// - Throws: `NoPublisherError` when the patience is over, and what the body throws.
    func guarding(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask {
                try await body()
                return true
            }
            group.addTask {
                try await watch()
                return false
            }
            // The watch ends when there is a publisher; the body when nothing more is wanted.
            while let isOver = try await group.next(), !isOver {}
            group.cancelAll()
        }
    }

    private func watch() async throws {
        let start = ContinuousClock.now
        let quiet = min(Self.quietTime, patience ?? Self.quietTime)
        if try await isConnected(within: quiet) { return }
        if patience.map({ $0 > Self.quietTime * 2 }) ?? true { waiting(error) }
        guard let patience else { return }
        if try await isConnected(within: patience - start.duration(to: .now)) { return }
        throw error
    }

    private var error: NoPublisherError {
        let connections = subscriber.status.connections
        return NoPublisherError(endpoints: connections.map(\.endpoint), refusals: connections.compactMap(\.obstacle))
    }

    private func isConnected(within time: Duration) async throws -> Bool {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await subscriber.wait { $0.connections.contains { $0.publisher != nil } } }
            group.addTask { try? await Task.sleep(for: time) }
            await group.next()
            group.cancelAll()
        }
        try Task.checkCancellation()
        return subscriber.status.connections.contains { $0.publisher != nil }
    }
}
