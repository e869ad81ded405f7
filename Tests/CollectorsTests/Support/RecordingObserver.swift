import Diagnosis
import Synchronization

/// Keeps what it sees.
final class RecordingObserver: LogObserver {
    private let state = Mutex<[(lines: String, path: String)]>([])

    var seen: [String] { state.withLock { $0.map(\.lines) } }
    var paths: Set<String> { state.withLock { Set($0.map(\.path)) } }

    func judge(_ lines: UnsafeRawBufferPointer) -> [JudgedLine] { [] }

    func time(of line: UnsafeRawBufferPointer) -> Double? { nil }

    func observe(_ lines: String, judged: [JudgedLine], of path: String) {
        state.withLock { $0.append((lines, path)) }
    }
}
