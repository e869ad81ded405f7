package import Diagnosis
package import JetStream
internal import ServiceLifecycle

/// What looks into a stream of NATS JetStream.
extension AgentServices {
    /// Whether `connect` names a stream.
    package func readsStream() throws -> Bool { try settings.streamSource() != nil }

    /// `arobust tap` of a stream. Returns as `runTap` does.
    ///
    /// - Parameters:
    ///   - patience: how long to wait for the stream; `nil`: for ever.
    ///   - waiting: called once when it is not there at once.
    /// - Throws: `ReportError` when the patience is over.
    package func runStreamTap(
        dataTypes: Set<DiagnosisDataType>, receiver: any EnvelopeReceiver, from start: StreamStart,
        patience: Duration?, waiting: @escaping @Sendable (ReportError) -> Void
    ) async throws {
        guard case .stream(let address, let options) = try settings.bridgeInput() else { return }
        let tap = StreamTap(address, options: options, dataTypes: dataTypes, logger: logger)
        let service = CancelledService("tap") {
            try await withThrowingTaskGroup { parts in
                parts.addTask { try await tap.run(receiver, from: start, patience: patience, waiting: waiting) }
                // While nothing comes, no write would tell.
                parts.addTask { await OutputReader.waitUntilGone() }
                try await parts.next()
                parts.cancelAll()
                try await parts.waitForAll()
            }
        }
        try await run([service], endsWithItsReader: true)
    }

    /// What the stream has that `connect` names; `nil` if it names none.
    package func streamReport() async throws -> StreamReport? {
        guard case .stream(let address, let options) = try settings.bridgeInput() else { return nil }
        return try await StreamReport(address, options: options, logger: logger)
    }
}
