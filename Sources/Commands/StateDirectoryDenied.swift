internal import Agent
private import SystemSupport
internal import ZMQBridge

/// This user may not enter a state directory: an error that says what to do about it.
struct StateDirectoryDenied: Error, CustomStringConvertible {
    let description: String
}

extension StateDirectoryAccess {
    /// Runs the body, and says more than "permission denied" where that is what became of it.
    static func explaining<Result>(
        _ directory: StateDirectory, _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await body()
        } catch let error as SystemCallError {
            guard let obstacle = obstacle(of: directory.path) else { throw error }
            throw StateDirectoryDenied(description: obstacle)
        }
    }
}
