internal import ServiceLifecycle

/// Work that runs until its task is cancelled, as a service: shutdown cancels it.
struct CancelledService: Service {
    let work: @Sendable () async throws -> Void

    init(_ work: @escaping @Sendable () async throws -> Void) {
        self.work = work
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown(work)
    }
}
