internal import Inspection
private import Synchronization

/// The last state of the node that somebody found out, for all who ask: however many they are, it is found out at most once a second, by one
/// at a time.
final class StateBoard: Sendable {
    /// How long a state counts as new.
    static let freshness = Duration.seconds(1)

    private struct Board {
        var state: NodeState?
        var foundAt: ContinuousClock.Instant?
        /// When the search under way began.
        var beganAt: ContinuousClock.Instant?
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var number: UInt64 = 0

        var isFresh: Bool { foundAt.map { .now - $0 < StateBoard.freshness } ?? false }
    }

    private let find: @Sendable () async -> NodeState
    private let board = Mutex(Board())
    private let wishes: AsyncStream<Void>
    private let wish: AsyncStream<Void>.Continuation

    init(_ find: @escaping @Sendable () async -> NodeState) {
        self.find = find
        (wishes, wish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Finds the state out whenever somebody wants it, until the task is cancelled.
    func run() async {
        for await _ in wishes {
            guard !isFresh else { continue }
            board.withLock { $0.beganAt = .now }
            let state = await find()
            let waiting = board.withLock { board in
                board.state = state
                board.foundAt = .now
                board.beganAt = nil
                defer { board.waiting = [:] }
                return board.waiting
            }
            for continuation in waiting.values { continuation.resume() }
        }
    }

    private var isFresh: Bool { board.withLock(\.isFresh) }

    /// How long the search under way takes already.
    var searchTime: Duration? {
        board.withLock { $0.beganAt.map { .now - $0 } }
    }

    /// Has the state found out soon; waits for nothing.
    func refresh() { wish.yield() }

    /// A state that is new, or `nil` if none comes within the patience.
    func current(patience: Duration) async -> NodeState? {
        if !isFresh {
            await withTaskGroup { group in
                group.addTask { await self.waitForNext() }
                group.addTask { try? await Task.sleep(for: patience) }
                await group.next()
                group.cancelAll()
            }
        }
        return isFresh ? board.withLock { $0.state } : nil
    }

    private func waitForNext() async {
        let number = board.withLock { board in
            board.number += 1
            return board.number
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isNeeded = board.withLock { board in
                    // One may have been found since this caller looked.
                    guard !Task.isCancelled, !board.isFresh else { return false }
                    board.waiting[number] = continuation
                    return true
                }
                if isNeeded { wish.yield() } else { continuation.resume() }
            }
        } onCancel: {
            board.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
        }
    }
}
