internal import Diagnosis
internal import Journal
internal import Logging
private import Synchronization

/// Keeps a publisher's books: enters what publishing brought, tells the journal who needs what, saves, and says what changes for
/// the worse or the better. Any thread may `take`; the rest is for one thread.
final class BookKeeper: Sendable {
    private static let evictionInterval: Duration = .seconds(60)
    private static let mentionInterval: Duration = .seconds(10)

    private struct State {
        var saved: PublisherLedger?
        var couldSave = true
        var couldSync = true
        /// Evicted though needed, and not yet said.
        var evicted: UInt64 = 0
        var nextMention = ContinuousClock.now
        var nextEviction = ContinuousClock.now
    }

    private let books: PublisherBooks
    private let file: SmallFile<PublisherLedger>
    private let logger: Logger
    private let state = Mutex(State())

    init(books: PublisherBooks, file: SmallFile<PublisherLedger>, logger: Logger) {
        self.books = books
        self.file = file
        self.logger = logger
    }

    /// Enters what came of publishing. Cheap when there is nothing to enter.
    func take(_ outcome: PublishOutcome) {
        enter(outcome.losses)
        if !outcome.volatile.isEmpty {
            books.withLedger { ledger in
                for (lane, range) in outcome.volatile { ledger.noteVolatile(range, lane: lane) }
            }
        }
        noteProblem(outcome.journalError)
    }

    /// Enters what the journal has lost, and says what is needed of it.
    func enter(_ losses: [JournalLoss]) {
        guard !losses.isEmpty else { return }
        let needed = books.withLedger { ledger in
            ledger.note(losses)
            return losses.filter { loss in
                let last = LanePosition(epoch: loss.epoch, sequence: loss.last)
                return loss.reason == .corrupt
                    || ledger.consumers.values.contains { $0.account.needs(last, of: loss.lane) }
            }
        }
        for loss in needed where loss.reason == .corrupt {
            logger.error("A damaged part of the journal is set aside.", metadata: ["lost": "\(loss)"])
        }
        let evicted = needed.filter { $0.reason == .evicted }.reduce(0) { $0 + $1.count }
        state.withLock { $0.evicted += evicted }
        if evicted > 0 { mentionEvictions() }
    }

    /// Says what was evicted though needed: at once, and then at most every ten seconds.
    private func mentionEvictions() {
        let count = state.withLock { state -> UInt64 in
            guard state.evicted > 0, .now >= state.nextMention else { return 0 }
            defer { state.evicted = 0 }
            state.nextMention = .now + Self.mentionInterval
            return state.evicted
        }
        guard count > 0 else { return }
        logger.warning(
            "Envelopes were evicted from the journal before every named consumer had them.",
            metadata: ["envelopes": "\(count)"])
    }

    private func noteProblem(_ error: JournalError?) {
        let text = error.map { "\($0)" }
        guard (books.journalProblem == nil) != (text == nil) else { return }
        books.journalProblem = text
        if let text {
            logger.error(
                "The journal cannot be written: logs wait in their files, everything else is published as volatile.",
                metadata: ["error": "\(text)"])
        } else {
            logger.notice("The journal is written again.")
        }
    }

    /// The round of each second.
    func keep() {
        for lane in books.journal.lanes {
            if let finished = books.withLedger({ $0.finished(lane.name) }) {
                books.journal.markFinished(lane: lane.name, through: finished.point)
            }
        }
        let (couldSync, isEvictionDue) = state.withLock { state in
            defer { if .now >= state.nextEviction { state.nextEviction = .now + Self.evictionInterval } }
            return (state.couldSync, .now >= state.nextEviction)
        }
        let canSync = say(couldSync, "The journal cannot be synced to its disk.", "The journal is synced again.") {
            if isEvictionDue { enter(try books.journal.evict()) }
            enter(books.journal.takeLosses())
            try books.journal.sync()
        }
        state.withLock { $0.couldSync = canSync }
        mentionEvictions()
        save()
    }

    /// Saves the ledger if it has changed.
    func save() {
        let ledger = books.withLedger { $0 }
        let (isSaved, couldSave) = state.withLock { ($0.saved == ledger, $0.couldSave) }
        guard !isSaved else { return }
        let canSave = say(
            couldSave, "The publisher's ledger cannot be saved; after a crash some losses may not be known.",
            "The publisher's ledger is saved again."
        ) { try file.write(ledger) }
        state.withLock { state in
            state.couldSave = canSave
            if canSave { state.saved = ledger }
        }
    }

    /// Does something, and says when that begins and ceases to fail. Answers whether it could.
    private func say(_ could: Bool, _ failure: Logger.Message, _ success: Logger.Message, _ work: () throws -> Void)
        -> Bool
    {
        do {
            try work()
            if !could { logger.notice(success) }
            return true
        } catch {
            if could { logger.error(failure, metadata: ["error": "\(error)"]) }
            return false
        }
    }
}

extension ConsumerAccount {
    /// Whether something up to a place in a lane is not finished.
    fileprivate func needs(_ position: LanePosition, of lane: String) -> Bool {
        lanes.first { $0.dataType.rawValue == lane }.map { $0.through < position } ?? true
    }
}
