package import Diagnosis
package import Logging

/// What a console keeps of what it was reported: envelopes once each, in one SQLite database, with answers to what people ask.
///
/// One process owns a directory. What `take` has returned without a failure survives `kill -9` and a power cut. Questions are answered from
/// another connection and never wait for what is written; each has a bound in rows and in time.
package final class ConsoleStore: Sendable {
    package let options: ConsoleStoreOptions

    /// Opens the store of a directory, and makes it if it is missing. Blocks.
    package init(
        directory: String, options: ConsoleStoreOptions = ConsoleStoreOptions(),
        logger: Logger = Logger(label: "arobust.console.store")
    ) throws(ConsoleStoreError) {
        self.options = options
    }

    /// Ends what is under way, and closes the database. Everything after that fails.
    package func close() async {}

    // MARK: what comes in

    /// Keeps envelopes, each once: what the lane's position has passed is a duplicate, and finished. Returns when all of them are on the disk.
    package func take(_ batches: [EnvelopeBatch], from source: ReportSource) async -> TakeOutcome { TakeOutcome() }

    /// Keeps one batch, and says so as a master's client does: a failure is worth another try, a refused envelope is a skip.
    package func report(_ batch: EnvelopeBatch, from source: ReportSource) async -> ReportOutcome {
        ReportOutcome(accepted: batch.count)
    }

    /// Notes that a node lives, and what it tells of itself. Never fails: it is written when there is room.
    package func heard(from node: NodeReport) async {}

    /// The position up to which a lane's envelopes are kept: where a reader of a journal goes on. `nil`: there is none.
    package func position(of lane: Lane) async throws(ConsoleStoreError) -> LanePosition? { nil }

    // MARK: what goes out

    /// Says what changed, from now on; a slow reader only gets the newest.
    package func changes() -> AsyncStream<StoreChange> { AsyncStream { $0.finish() } }

    package var change: StoreChange { StoreChange(lastLineID: 0, lines: 0, number: 0, parts: [:]) }

    package var counters: StoreCounters { StoreCounters() }

    package func overview() async throws(ConsoleStoreError) -> OverviewAnswer {
        throw ConsoleStoreError(.storage, "not yet")
    }

    package func nodes() async throws(ConsoleStoreError) -> [NodeAnswer] { [] }

    package func ranks(limit: Int) async throws(ConsoleStoreError) -> [RankAnswer] { [] }

    /// - Parameter buckets: at most 720.
    package func heatmap(since: Double, until: Double, buckets: Int) async throws(ConsoleStoreError) -> HeatmapAnswer {
        throw ConsoleStoreError(.storage, "not yet")
    }

    package func logs(_ question: LogQuestion) async throws(ConsoleStoreError) -> LogPage {
        LogPage(lines: [], next: nil)
    }

    /// - Parameter context: how many lines before and after, at most 200.
    /// - Returns: `nil` if there is no such line, or no more.
    package func line(_ id: Int64, context: Int) async throws(ConsoleStoreError) -> LineAnswer? { nil }

    package func series(prefix: String, limit: Int, after: String?) async throws(ConsoleStoreError) -> SeriesPage {
        SeriesPage(series: [], next: nil)
    }

    package func samples(_ question: SampleQuestion) async throws(ConsoleStoreError) -> SampleAnswer {
        throw ConsoleStoreError(.storage, "not yet")
    }

    /// - Parameter incident: `nil`: the newest stacks there are.
    /// - Returns: `nil` if there is no such incident.
    package func stacks(incident: String?) async throws(ConsoleStoreError) -> StacksAnswer? { .nothing }

    package func incidents(limit: Int, after: String?) async throws(ConsoleStoreError) -> IncidentPage {
        IncidentPage(incidents: [], next: nil)
    }

    /// - Returns: `nil` if there is no such incident.
    package func incident(_ id: String) async throws(ConsoleStoreError) -> IncidentAnswer? { nil }

    package func failures(limit: Int, after: String?) async throws(ConsoleStoreError) -> FailurePage {
        FailurePage(failures: [], next: nil)
    }

    package func attempts() async throws(ConsoleStoreError) -> [AttemptAnswer] { [] }

    package func delivery() async throws(ConsoleStoreError) -> DeliveryAnswer { DeliveryAnswer(nodes: [], gaps: []) }
}

package enum ConsoleStoreFormat {
    /// The version of the database's tables; a newer one is refused.
    package static let version = 1
}
