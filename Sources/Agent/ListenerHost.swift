internal import Logging
internal import MasterClients
internal import ServiceLifecycle
private import Synchronization
internal import SystemSupport

/// Runs what takes the calls of DLRover's own clients, and makes it anew when their other calls are to go to another master.
///
/// The addresses stay: clients are told to connect again (GOAWAY), and calls under way are answered.
final class ListenerHost: Service {
    /// Between two tries to listen again at an address that was just given up.
    private static let pause: Duration = .milliseconds(200)

    private struct State {
        /// What the calls go to.
        var origin: [String]
        var services: [any Service]
        var next: [any Service]?
    }

    private let state: Mutex<State>
    private let change = WakeSignal()
    private let make: @Sendable (AgentSettings) throws -> [any Service]
    private let logger: Logger
    let workingParts: [WorkingPart]

    /// - Parameter make: opens nothing yet.
    /// - Returns: `nil` if the settings name no address.
    init?(
        of settings: AgentSettings, logger: Logger, make: @escaping @Sendable (AgentSettings) throws -> [any Service]
    ) throws {
        let services = try make(settings)
        guard !services.isEmpty else { return nil }
        self.make = make
        self.logger = logger
        workingParts = services.compactMap { $0 as? any WorkingService }.flatMap(\.workingParts)
        state = Mutex(State(origin: try Self.origin(of: settings), services: services))
    }

    /// What of the first DLRover master counts for calls that go on to it.
    private static func origin(of settings: AgentSettings) throws(SettingsError) -> [String] {
        guard let index = try settings.masters().firstIndex(where: { $0.url.isDLRover }) else { return [] }
        let entry = settings.values.masters[index]
        let own = settings.values.overlaid(with: entry.options)
        return entry.url.texts + own.lines(under: "delivery.tls-", "delivery.http-proxy", "delivery.deadline")
    }

    /// Ends when the first of the services does, or fails; with other settings they are made anew.
    func run() async throws {
        var isFirst = true
        while true {
            let services = state.withLock { $0.services }
            do {
                guard try await runUntilChange(services) else { return }
                isFirst = false
            } catch {
                // At the start it is for the operator to see. Later whoever has run so far should go on.
                guard !isFirst, !Task.isCancelled else { throw error }
                logger.error(
                    "DLRover's clients can't be listened to again; trying again.", metadata: ["error": "\(error)"])
                try await Task.sleep(for: Self.pause)
            }
        }
    }

    /// - Returns: whether others are to run.
    private func runUntilChange(_ services: [any Service]) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for service in services {
                group.addTask {
                    try await service.run()
                    return false
                }
            }
            group.addTask { [change] in
                await change.wait()
                return true
            }
            let isFirst = try await group.next() ?? false
            group.cancelAll()
            for try await _ in group {}
            return state.withLock { state in
                guard isFirst, !Task.isCancelled, let next = state.next else { return false }
                state.services = next
                state.next = nil
                return true
            }
        }
    }
}

extension ListenerHost: WorkingService {
    func workSummary() async -> String? { nil }
}

extension ListenerHost: ReloadablePart {
    func prepare(_ settings: AgentSettings) async throws -> PreparedPart {
        let origin = try Self.origin(of: settings)
        guard origin != state.withLock({ $0.origin }) else { return .unchanged }
        let services = try make(settings)
        return PreparedPart { [self] in
            state.withLock { state in
                state.origin = origin
                state.next = services
            }
            change.wake()
            return PreparedPart.Report(changes: [
                origin.isEmpty
                    ? "DLRover's clients: their other calls go to no master"
                    : "DLRover's clients: their other calls go to \(origin[0])"
            ])
        }
    }
}
