internal import Diagnosis
internal import Journal
internal import Logging
private import Synchronization
internal import SystemSupport

/// Keeps a publisher's ledger and journal in order: records what publishing brought and what was lost, tells the journal what every
/// consumer has finished, syncs, evicts and saves, and logs when one of these begins or ceases to fail.
///
/// `recordOutcome` and `recordLosses` may be called from any thread, the rest from one.
final class PublisherMaintenance: Sendable {
    private static let evictionInterval: Duration = .seconds(60)
    /// Where accounts are large, the ledger is saved so seldom that this is written in a second.
    private static let savedAccountBytes = 256 << 10

    private struct State {
        /// Whether the file names this run as one with envelopes that the journal does not have.
        var isMarkedVolatile = false
        var saved: PublisherLedger?
        /// Envelopes that were evicted before every named consumer had them.
        var evicted = QuietCounter(quietTime: .seconds(10))
        var nextEviction = ContinuousClock.now
        var nextSave = ContinuousClock.now
    }

    private let publisher: PublisherState
    private let file: SmallFile<PublisherLedger>
    private let mark: VolatileMark
    private let logger: Logger
    private let state = Mutex(State())

    init(of publisher: PublisherState, file: SmallFile<PublisherLedger>, mark: VolatileMark, logger: Logger) {
        self.publisher = publisher
        self.file = file
        self.mark = mark
        self.logger = logger
    }

    /// Records the result of publishing. Cheap when there is nothing to record.
    func recordOutcome(_ outcome: PublishOutcome) {
        recordLosses(outcome.losses)
        if !outcome.volatile.isEmpty { markVolatile() }
        recordJournalError(outcome.journalError)
    }

    /// Records what the journal does not have. Called before the publisher's lock is released: a replay that is asked for at once, and finds how far
    /// the lane is, must find this in the ledger, or it would take what was volatile for what was evicted long ago.
    func recordVolatile(_ ranges: [(lane: String, range: SequenceRange)]) {
        guard !ranges.isEmpty else { return }
        publisher.withLedger { ledger in
            for (lane, range) in ranges { ledger.recordVolatile(range, lane: lane) }
        }
    }

    /// Notes on the disk, once, that the journal does not have all of this run: the ledger can't be saved when a full disk is the reason.
    private func markVolatile() {
        let isMarked = state.withLock { state in
            defer { state.isMarkedVolatile = true }
            return state.isMarkedVolatile
        }
        guard !isMarked else { return }
        do {
            try mark.write(publisher.epoch)
        } catch {
            logger.warning("It can't be noted that the journal lacks some envelopes.", metadata: ["error": "\(error)"])
        }
    }

    /// Records what the journal has lost, and logs what of it somebody still needed.
    func recordLosses(_ losses: [JournalLoss]) {
        guard !losses.isEmpty else { return }
        let needed = publisher.withLedger { ledger in
            ledger.recordLosses(losses)
            return losses.filter { loss in
                loss.reason == .corrupt
                    || ledger.consumers.entries.contains { $0.account.needs(loss.range.end, of: loss.lane) }
            }
        }
        for loss in needed where loss.reason == .corrupt {
            logger.error("A damaged part of the journal is set aside.", metadata: ["lost": "\(loss)"])
        }
        let evicted = needed.filter { $0.reason == .evicted }.reduce(0) { $0 + $1.count }
        guard evicted > 0 else { return }
        state.withLock { $0.evicted.count(Int(clamping: evicted)) }
        logEvictions()
    }

    private func logEvictions() {
        guard let count = state.withLock({ $0.evicted.due() }) else { return }
        logger.warning(
            "Envelopes were evicted from the journal before every named consumer had them.",
            metadata: ["envelopes": "\(count)"])
    }

    private func recordJournalError(_ error: JournalError?) {
        let text = error.map { "\($0)" }
        // One that goes on keeps its first reason: one that changes is no news.
        guard (publisher.problems[.journal] == nil) != (text == nil) else { return }
        publisher.record(.journal, text)
        if let text {
            logger.error(
                "The journal cannot be written: logs wait in their files, everything else is published as volatile.",
                metadata: ["error": "\(text)"])
        } else {
            logger.notice("The journal can be written again.")
        }
    }

    /// The work of every second.
    func runRound() {
        let journal = publisher.journal
        for lane in journal.lanes {
            if let finished = publisher.withLedger({ $0.finished(lane.name) }) {
                journal.markFinished(lane: lane.name, through: finished)
            }
        }
        let isEvictionDue = state.withLock { state in
            defer { if .now >= state.nextEviction { state.nextEviction = .now + Self.evictionInterval } }
            return .now >= state.nextEviction
        }
        attempt(
            .sync, failure: "The journal cannot be synced to its disk.", success: "The journal is synced again."
        ) {
            if isEvictionDue { recordLosses(try journal.evict()) }
            recordLosses(journal.takeLosses())
            try journal.sync()
        }
        logEvictions()
        if state.withLock({ $0.nextSave <= .now }) { saveLedger() }
    }

    /// Saves the ledger of a run that ends in order.
    func endRun() {
        publisher.withLedger { $0.endRun() }
        saveLedger()
    }

    /// Saves the ledger if it has changed.
    func saveLedger() {
        let ledger = publisher.withLedger { $0 }
        guard state.withLock({ $0.saved != ledger }) else { return }
        attempt(
            .ledger,
            failure: "The publisher's ledger cannot be saved; after a crash some losses may not be known.",
            success: "The publisher's ledger is saved again."
        ) {
            try file.write(ledger)
            state.withLock {
                $0.saved = ledger
                $0.nextSave = .now + .seconds(ledger.consumers.weight / Self.savedAccountBytes)
            }
        }
    }

    /// Tells whether others still find the publisher.
    ///
    /// - Parameter lost: the paths at which its sockets no longer are.
    func checkSockets(lost: [String]) {
        attempt(
            .sockets, failure: "Other programs no longer find the publisher.",
            success: "Other programs find the publisher again."
        ) {
            guard lost.isEmpty else { throw LostPlace(paths: lost) }
        }
    }

    /// Does `work`, and logs when that begins and when it ceases to fail.
    private func attempt(
        _ problem: PublisherProblem, failure: Logger.Message, success: Logger.Message, _ work: () throws -> Void
    ) {
        do {
            try work()
            if publisher.record(problem, nil) { logger.notice(success) }
        } catch {
            guard publisher.record(problem, "\(error)") else { return }
            logger.error(failure, metadata: ["error": "\(error)"])
        }
    }
}

/// Something that a running publisher made is no longer at its path.
struct LostPlace: Error, CustomStringConvertible {
    let paths: [String]

    var description: String {
        "\(paths.joined(separator: ", ")) \(paths.count == 1 ? "was" : "were") removed or replaced while it ran; start it again"
    }
}

extension ConsumerAccount {
    /// Whether something up to a position in a lane is not finished.
    fileprivate func needs(_ position: LanePosition, of lane: String) -> Bool {
        lanes.first { $0.dataType.rawValue == lane }.map { $0.through < position } ?? true
    }
}
