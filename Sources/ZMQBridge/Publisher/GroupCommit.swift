private import Dispatch
internal import Diagnosis
private import Synchronization

/// Gathers requests while the disk is busy with those before, so that one sync serves all of them; and waits for the disk on a thread
/// that is nobody else's.
final class GroupCommit: Sendable {
    private typealias Completion = @Sendable (ReportError?) -> Void

    private let queue = DispatchQueue(label: "arobust.commit")
    private let waiting = Mutex<[(request: PublishRequest, done: Completion)]>([])
    private let commit: @Sendable ([PublishRequest]) -> [ReportError?]

    /// - Parameter commit: publishes a group and answers why each request was not; may block.
    init(commit: @escaping @Sendable ([PublishRequest]) -> [ReportError?]) {
        self.commit = commit
    }

    func publish(_ request: PublishRequest) async throws(ReportError) {
        let failure = await withCheckedContinuation { (continuation: CheckedContinuation<ReportError?, Never>) in
            waiting.withLock { $0.append((request, { continuation.resume(returning: $0) })) }
            queue.async { self.commitWaiting() }
        }
        if let failure { throw failure }
    }

    private func commitWaiting() {
        let group = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        guard !group.isEmpty else { return }
        for (request, failure) in zip(group, commit(group.map(\.request))) { request.done(failure) }
    }
}
