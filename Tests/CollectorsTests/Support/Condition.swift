/// Waits until something becomes true. The test's time limit ends it if that never happens.
func wait(until condition: () async throws -> Bool) async throws {
    while try await !condition() {
        try await Task.sleep(for: .milliseconds(2))
    }
}
