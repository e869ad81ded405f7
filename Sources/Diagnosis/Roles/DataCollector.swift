package import SystemSupport

/// A source of diagnosis data on this node: the arobust guide's collector, with its four operations.
///
/// A collector never throws into the program that it watches: it logs what goes wrong, and the next round tries again.
/// One round is `isEnabled`, `collectData()`, and, if that gave something, `storeData(_:)`; rounds of one collector never overlap.
public protocol DataCollector<CollectedData>: Sendable {
    associatedtype CollectedData: Sendable

    /// Names the collector in log lines.
    var name: String { get }

    /// Whether more data may be waiting right after a successful round, as in a log that has grown a lot: the next round then follows at
    /// once. `false`, as by default, for a source that only has a newest state, such as a metrics page.
    var collectsBacklog: Bool { get }

    /// Whether there is anything to collect from now. Asked before every round; must be cheap.
    func isEnabled() async -> Bool

    /// Takes the next piece of data from the source, or `nil` if there is none now.
    func collectData() async -> CollectedData?

    /// Makes metrics of `data` and reports them to the client. Throws nothing.
    ///
    /// Without a client a warning is logged; a failed report is logged as an error.
    /// - Returns: whether the data was reported. If not, a collector whose source keeps its data (a log file) collects it again.
    @discardableResult
    func storeData(_ data: CollectedData) async -> Bool

    /// Runs up to `most` rounds of `collectData()` and `storeData(_:)`, for as long as there is data and it is reported.
    ///
    /// There is a default; a collector with an executor of its own implements it to save thread changes.
    /// - Returns: how many rounds brought data that was reported.
    func collectRounds(_ most: Int) async -> Int

    /// Says that the program is about to end: what the next round leaves, nobody collects before the next start.
    ///
    /// There is a default, which does nothing.
    func prepareForLastRound() async

    /// Sets the client to report to.
    func setClient(_ client: any MasterClient) async
}

extension DataCollector {
    /// Does nothing.
    public func prepareForLastRound() async {}

    /// `false`.
    public var collectsBacklog: Bool { false }

    /// Runs the rounds one after another, and ends with the first that brings nothing or is not reported.
    public func collectRounds(_ most: Int) async -> Int {
        for count in 0..<most {
            guard let data = await collectData(), await storeData(data) else { return count }
        }
        return most
    }
}

/// A collector whose source tells when there is something to collect, so that its rounds need not wait for the interval.
package protocol WakingCollector: DataCollector {
    /// Woken when a round is worth while.
    var wakeSignal: WakeSignal { get }

    /// Waits for the source and wakes, until the task is cancelled. Runs beside the rounds.
    func watch() async

    /// How long no round is worth while unless the source wakes it. Asked after a round.
    func quietTime() async -> Duration
}

/// A collector that shows its source among the self-metrics, as long as there is the source.
package protocol RetiringCollector: DataCollector {
    /// Takes these self-metrics out. Called once it has had its last round, unless the process ends.
    func retire() async
}
