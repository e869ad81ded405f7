internal import Diagnosis
internal import Journal
internal import Logging
internal import SystemSupport

/// What a publisher does at its start: opens its journal and ledger, begins a new epoch, and logs what it found.
struct PublisherOpening {
    let state: PublisherState
    let ledgerFile: SmallFile<PublisherLedger>

    init(directory: StateDirectory, configuration: PublisherConfiguration, logger: Logger) throws {
        var journalConfiguration = configuration.journal
        journalConfiguration.maximumLanes = 1024
        if let error = try StateVersion.raise(in: directory.path) {
            logger.warning(
                "The state directory's version cannot be written down; the next start tries again.",
                metadata: ["error": "\(error)"])
        }
        let journal = try Journal.open(directory: directory.journalDirectory, configuration: journalConfiguration)
        Self.report(journal.recovery, logger)
        let ledgerFile = SmallFile<PublisherLedger>(path: directory.ledgerFile)
        let last = try PublisherIdentity.read(in: directory)
        let isFirstRun = last == nil && journal.lanes.isEmpty
        var ledger = try Self.read(ledgerFile, logger, isFirstRun: isFirstRun)
        ledger.keeping = PublisherLedger.Keeping(
            totalBytes: journalConfiguration.totalBytes, isPowerLoss: journalConfiguration.durability == .powerLoss)
        let journalEpoch = journal.lanes.compactMap(\.newest?.epoch).max() ?? 0
        let ledgerEpoch = ledger.lanes.values.compactMap(\.history.newest?.epoch).max() ?? 0
        var unsaved: (any Error)?
        let identity = try PublisherIdentity.begin(
            in: directory, after: max(journalEpoch, ledgerEpoch), unsaved: &unsaved)
        if let unsaved {
            logger.error("The new epoch cannot be saved; going on with it.", metadata: ["error": "\(unsaved)"])
        }
        guard let id = PublisherID(identity.publisher) else {
            throw StateDirectoryError.unreadable(path: directory.identityFile, reason: "no publisher id")
        }
        let mark = VolatileMark(path: directory.volatileFile)
        ledger.begin(
            identity.epoch,
            after: RunEnd(
                boot: RunEnd.currentBoot(), volatileRun: mark.read(),
                isJournalDamaged: !journal.recovery.cuts.isEmpty || !journal.recovery.setAside.isEmpty,
                lastRun: last?.epoch))
        ledger.consumers.fit(configuration.places)
        // Without the mark, on a full disk, an earlier one does.
        try? mark.prepare()
        state = PublisherState(id: id, epoch: identity.epoch, journal: journal, ledger: ledger)
        self.ledgerFile = ledgerFile
    }

    private static func read(
        _ file: SmallFile<PublisherLedger>, _ logger: Logger, isFirstRun: Bool
    ) throws -> PublisherLedger {
        do {
            return try file.read() ?? PublisherLedger(isFirstRun: isFirstRun)
        } catch let error as StateDirectoryError where !error.isNewerVersion {
            logger.error(
                "The publisher's ledger cannot be read and is set aside; what was lost earlier is no longer known.",
                metadata: ["error": "\(error)"])
            try file.setAside()
            return PublisherLedger(isFirstRun: false)
        }
    }

    private static func report(_ recovery: JournalRecovery, _ logger: Logger) {
        for cut in recovery.cuts {
            logger.notice(
                "A write to the journal that a crash had interrupted was cut off.",
                metadata: ["path": "\(cut.path)", "bytes": "\(cut.bytes)"])
        }
        for segment in recovery.setAside {
            logger.error(
                "A damaged part of the journal is set aside.",
                metadata: ["path": "\(segment.newPath)", "reason": "\(segment.reason)"])
        }
        for loss in recovery.losses {
            logger.error("Envelopes of the journal are lost.", metadata: ["lost": "\(loss)"])
        }
    }
}

/// A publisher's id, kept as long as its state directory, and the epoch of its present run.
struct PublisherIdentity: Codable, Hashable, VersionedFile {
    static let newestVersion = 1

    var version: Int? = newestVersion
    /// As `PublisherID` writes itself.
    var publisher: String
    var epoch: UInt64

    /// The identity that the directory has; `nil` in a new one.
    static func read(in directory: StateDirectory) throws -> PublisherIdentity? {
        let identity = try SmallFile<PublisherIdentity>(path: directory.identityFile).read()
        if let identity, PublisherID(identity.publisher) == nil {
            throw StateDirectoryError.unreadable(path: directory.identityFile, reason: "no publisher id")
        }
        return identity
    }

    /// Begins a new run, with the epoch max(last known + 1, Unix seconds): no (epoch, sequence) ever comes again with other content, not
    /// even after the file was lost.
    ///
    /// - Parameter journalEpoch: the newest in the journal.
    /// - Throws: why the file can't be read. If only the new epoch can't be written (a full disk), `unsaved` says why: the journal and the
    ///   clock still keep the epoch from being used again.
    static func begin(
        in directory: StateDirectory, after journalEpoch: UInt64, unsaved: inout (any Error)?
    ) throws -> PublisherIdentity {
        let last = try read(in: directory)
        let (next, isExhausted) = max(last?.epoch ?? 0, journalEpoch).addingReportingOverflow(1)
        guard !isExhausted, next < .max else {
            throw StateDirectoryError.unreadable(path: directory.identityFile, reason: "no epoch can follow its epoch")
        }
        let now = UInt64(max(1, WallClock.seconds()))
        let identity = PublisherIdentity(
            publisher: last?.publisher ?? PublisherID().description,
            epoch: max(next, now)
        )
        do {
            try SmallFile<PublisherIdentity>(path: directory.identityFile).write(identity)
        } catch  where last != nil {
            unsaved = error
        }
        return identity
    }
}
