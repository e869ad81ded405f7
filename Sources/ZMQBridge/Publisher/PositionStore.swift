internal import Diagnosis
private import Foundation
private import Synchronization

/// The positions of the sources that publish here, kept in a small file.
///
/// Saved every second and when the publisher ends: after a kill, up to a second's lines are read and published again.
final class PositionStore: Sendable {
    private struct State {
        var positions: [String: [UInt8]]
        var isSaved = true
    }

    private let file: SmallFile<[String: Data]>
    private let state: Mutex<State>

    /// - Throws: `StateDirectoryError.unreadable`, after which the file is out of the way and the next store begins without one.
    init(path: String) throws {
        file = SmallFile(path: path)
        do {
            state = Mutex(State(positions: try file.read()?.mapValues { Array($0) } ?? [:]))
        } catch {
            try file.setAside()
            throw error
        }
    }

    func store(_ position: SourcePosition) {
        state.withLock {
            $0.positions[position.key] = position.bytes
            $0.isSaved = false
        }
    }

    func last(of key: String) -> SourcePosition? {
        state.withLock { $0.positions[key] }.map { SourcePosition(key: key, bytes: $0) }
    }

    /// Writes the file if something has changed. One caller at a time.
    func save() throws {
        let unsaved: [String: [UInt8]]? = state.withLock { state in
            defer { state.isSaved = true }
            return state.isSaved ? nil : state.positions
        }
        guard let unsaved else { return }
        do {
            try file.write(unsaved.mapValues { Data($0) })
        } catch {
            state.withLock { $0.isSaved = false }
            throw error
        }
    }
}
