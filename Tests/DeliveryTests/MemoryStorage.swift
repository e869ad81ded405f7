import Diagnosis
import Synchronization

@testable import Delivery

/// A ledger in memory that fails when a test says so.
final class MemoryStorage: LedgerStorage {
    private struct State {
        var lanes: [Lane: StoredLane]
        var commits: [LedgerCommit] = []
        var isFailing = false
        var attempts = 0
        var isClosed = false
    }

    private let state: Mutex<State>
    let slots: [SlotMark]
    let consumer = "fake"

    init(lanes: [Lane: StoredLane] = [:], slots: [SlotMark] = []) {
        self.slots = slots
        state = Mutex(State(lanes: lanes))
    }

    var lanes: [Lane: StoredLane] { state.withLock { $0.lanes } }
    var commits: [LedgerCommit] { state.withLock { $0.commits } }
    var attempts: Int { state.withLock { $0.attempts } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func fail(_ isFailing: Bool) { state.withLock { $0.isFailing = isFailing } }

    func write(_ commit: LedgerCommit) async -> CommitResult {
        state.withLock { state in
            var result = CommitResult()
            state.attempts += 1
            guard !state.isFailing else {
                result.failed = Set(commit.lanes.keys)
                result.error = "disk full"
                return result
            }
            result.lettersWritten = Set(commit.deadLetters.keys)
            for (lane, part) in commit.lanes { state.lanes[lane] = part.lane }
            state.commits.append(commit)
            return result
        }
    }

    func close() async { state.withLock { $0.isClosed = true } }
}
