package import Testing

/// Waits until something is so, looking every two milliseconds, and fails the test when it is not within a minute.
///
/// So long, since only what never comes is a failure: beside suites that compute, a turn on one of two threads takes seconds.
package func eventually(
    location: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "after 60 s it is still not so", sourceLocation: location)
        try await Task.sleep(for: .milliseconds(2))
    }
}
