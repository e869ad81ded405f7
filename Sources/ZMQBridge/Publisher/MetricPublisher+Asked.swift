internal import Synchronization

/// What is asked of the publisher's process over its replay socket, and what it says of itself.
extension MetricPublisher {
    /// Sets what begins an incident when somebody asks for one over the replay socket; it gets the reason and gives the incident's id. `nil`:
    /// none are recorded.
    package func recordIncidents(_ begin: (@Sendable (_ reason: String) -> String)?) {
        incidentRequest.withLock { $0 = begin }
    }

    /// Sets what reads the settings again when somebody asks for it over the replay socket.
    package func reload(with reloading: any SettingsReloading) {
        self.reloading.withLock { $0 = reloading }
    }

    /// What keeps it from a part of its work now, as a part of a sentence.
    package var problemText: String? {
        let problems = state.problems
        return PublisherProblem.allCases.compactMap { problem in problems[problem].map(problem.sentence) }.first
    }

    /// Records where DLRover's own clients may call, which `arobust status` shows.
    package func recordListening(at addresses: [String]) { state.recordListening(at: addresses) }

    /// What `arobust status` shows of it. Reads headers in the journal, which takes milliseconds, and blocks.
    package func status() throws -> PublisherStatus {
        var status = try state.status(publishedBytes: bus.withLock { $0.publishedBytes })
        status.settings = reloading.withLock { $0 }?.standing
        status.network = network?.status
        return status
    }
}
