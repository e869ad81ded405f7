/// A source of diagnosis data on this node: the arobust guide's collector, with its four operations.
///
/// A collector never throws into the program that it watches: what goes wrong is logged, and the next round tries again.
/// One round is `isEnabled`, `collectData()`, and, if that gave something, `storeData(_:)`; rounds of one collector never overlap.
public protocol DataCollector<CollectedData>: Sendable {
    associatedtype CollectedData: Sendable

    /// Names the collector in log lines.
    var name: String { get }

    /// Whether more data may be there right after a successful round, as with a log that has grown by much: the next round then
    /// follows at once. `false`, as by default, for a source that only has a newest state, such as a metrics page.
    var collectsBacklog: Bool { get }

    /// Whether there is anything to collect from now. Asked before every round; must be cheap.
    func isEnabled() async -> Bool

    /// Takes the next piece of data from the source, or `nil` if there is none now.
    func collectData() async -> CollectedData?

    /// Makes metrics of `data` and reports them to the client.
    ///
    /// Without a client a warning is logged; a failed report is logged as an error.
    /// - Returns: whether the data was reported. If not, a collector whose source keeps its data (a log file) collects it again.
    @discardableResult
    func storeData(_ data: CollectedData) async -> Bool

    /// Runs up to so many rounds of `collectData()` and `storeData(_:)`, as long as they bring something and it is reported.
    ///
    /// - Returns: how many there were. By itself it need not be written; a collector with an executor of its own saves changes of thread
    ///   if it does.
    func collectRounds(_ most: Int) async -> Int

    /// Sets whom to report to.
    func setClient(_ client: any MasterClient) async
}

extension DataCollector {
    public var collectsBacklog: Bool { false }

    public func collectRounds(_ most: Int) async -> Int {
        for count in 0..<most {
            guard let data = await collectData(), await storeData(data) else { return count }
        }
        return most
    }
}

/// Sees the lines of logs once they are reported.
public protocol LogObserver: Sendable {
    /// Takes lines that were reported just now.
    ///
    /// A log collector calls this on its own thread and reads nothing meanwhile, so it must be quick and must not block. The calls for one
    /// log come one after another, in the order of its lines; those for several logs may come at once.
    ///
    /// What was reported comes once, as long as the process lives; what could not be reported comes when it is. After a kill, the lines
    /// that were reported last may be missing, and where the stored position is lost, lines come again.
    ///
    /// - Parameters:
    ///   - lines: whole lines as they were reported: joined by newlines, without the final one, and with U+FFFD for what is no UTF-8. The
    ///     pieces of a line that is too long come as lines of their own, each but the last with the mark of the cut at its end.
    ///   - path: the log's, absolute.
    func observe(_ lines: String, of path: String)
}
