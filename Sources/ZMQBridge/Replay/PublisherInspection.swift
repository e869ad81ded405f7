package import Diagnosis
private import Glibc
internal import Journal
internal import SystemSupport

/// Looks at a publisher from another process: through its replay socket while it runs, in its files while it doesn't.
package struct PublisherInspection: Sendable {
    package let directory: StateDirectory

    package init(_ directory: StateDirectory) {
        self.directory = directory
    }

    /// Asks the running publisher for its status.
    ///
    /// - Returns: `nil` if nobody answers within `timeout`.
    package func ask(timeout: Duration = .seconds(10)) async throws -> PublisherStatus? {
        try await request(ReplayRequest(.status), timeout: timeout).map {
            try ControlJSON.decode(PublisherStatus.self, $0)
        }
    }

    /// Makes the running publisher forget a named consumer.
    ///
    /// - Returns: whether there was an answer. A consumer that the publisher does not know counts as forgotten.
    package func forget(_ consumer: String, timeout: Duration = .seconds(10)) async throws -> Bool {
        var forget = ReplayRequest(.forget)
        forget.consumer = consumer
        do {
            return try await request(forget, timeout: timeout) != nil
        } catch is ReplayError {
            return true
        }
    }

    /// Asks the running publisher's process to record an incident.
    ///
    /// - Returns: its id; `nil` if nobody answers.
    /// - Throws: `ReplayError` where none is recorded there.
    package func requestIncident(reason: String, timeout: Duration = .seconds(10)) async throws -> String? {
        var dump = ReplayRequest(.dump)
        dump.reason = reason
        return try await request(dump, timeout: timeout).map {
            try ControlJSON.decode(ReplayAnswer.Begun.self, $0).incident
        }
    }

    /// Has the running publisher's process read its settings again.
    ///
    /// - Returns: the number of that reading; `nil` if nobody answers.
    /// - Throws: `ReplayError` where that process does not do it.
    package func requestReload(timeout: Duration = .seconds(10)) async throws -> UInt64? {
        try await request(ReplayRequest(.reload), timeout: timeout).map {
            try ControlJSON.decode(ReplayAnswer.Reload.self, $0).number
        }
    }

    /// What came of a reading of the settings.
    ///
    /// - Returns: `nil` if nobody answers; a result of `nil` while it is not done.
    package func reload(_ number: UInt64, timeout: Duration = .seconds(10)) async throws -> SettingsReload?? {
        var reload = ReplayRequest(.reload)
        reload.number = number
        return try await request(reload, timeout: timeout).map {
            try ControlJSON.decode(ReplayAnswer.Reload.self, $0).result
        }
    }

    /// Works out the status from the files. Holds the publisher's lock meanwhile, so that no publisher starts.
    ///
    /// - Parameter accounts: gives those that consumers keep themselves, which are newer than what the publisher was told; called under
    ///   the lock. Consumers that the publisher does not know, or was told to forget, are left out.
    /// - Throws: `StateDirectoryError.inUse` while a publisher runs; `StateDirectoryError.unreadable` if none ever did.
    package func readFiles(
        accounts: (PublisherID) throws -> [ConsumerAccount] = { _ in [] }
    ) async throws -> PublisherStatus {
        let owner = try directory.checkForClients()
        guard let identity = try PublisherIdentity.read(in: directory), let id = PublisherID(identity.publisher) else {
            throw StateDirectoryError.unreadable(
                path: directory.path, reason: "no publisher has ever used this state directory")
        }
        let lock = try await lock(of: owner)
        defer { withExtendedLifetime(lock) {} }
        var ledger =
            try SmallFile<PublisherLedger>(path: directory.ledgerFile).read() ?? PublisherLedger(isFirstRun: false)
        var configuration = JournalConfiguration.readOnly
        if let keeping = ledger.keeping {
            configuration.totalBytes = keeping.totalBytes
            configuration.durability = keeping.isPowerLoss ? .powerLoss : .processCrash
        }
        let journal = try Journal.open(directory: directory.journalDirectory, configuration: configuration)
        ledger.reconcile(with: journal)
        ledger.noteEnd(
            RunEnd(
                boot: RunEnd.currentBoot(), volatileRun: VolatileMark(path: directory.volatileFile).read(),
                isJournalDamaged: !journal.recovery.setAside.isEmpty, lastRun: identity.epoch))
        let state = PublisherState(id: id, epoch: identity.epoch, journal: journal, ledger: ledger)
        for account in try accounts(id) {
            let name = account.consumer
            guard let heard = ledger.consumers[name]?.heard else { continue }
            // What it says of a refusal is in the status.
            _ = state.recordAccount(
                account, epoch: .max, now: WallClock.seconds(), heard: heard,
                places: ConsumerPlaces(masters: [ConsumerName(name)]))
        }
        return try state.status()
    }

    /// Which process publishes from the directory now, as it says itself: `pid 71 on worker-0`; `nil` if none does.
    ///
    /// - Throws: `SystemCallError` if that can't be found out.
    package func holder() throws -> String? {
        let owner = try directory.checkForClients()
        // Without the file there never was one; looking must not make it.
        guard access(directory.lockFile, F_OK) == 0,
            case .held(let note) = try FileLock.tryTake(directory.lockFile, making: false, alsoOf: owner)
        else { return nil }
        return String(note.prefix { $0 != "\n" })
    }

    /// Why the running publisher can't be asked, as far as its socket tells: a sentence; `nil` if it listens there.
    package var obstacle: String? {
        let path = directory.replaySocket
        var status = stat()
        guard lstat(path, &status) == 0 else {
            guard errno == ENOENT else { return "\(SystemCallError("look at", path: path))" }
            return "its socket \(path) is gone; start it again"
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { return "\(path) is no socket any more; start it again" }
        return UnixAddress.isRefused(path)
            ? "nobody listens at \(path): the socket is not its own; start it again" : nil
    }

    /// The publisher's id; `nil` if none has ever used the directory.
    package func publisher() throws -> PublisherID? {
        try directory.checkForClients()
        return try PublisherIdentity.read(in: directory).flatMap { PublisherID($0.publisher) }
    }

    /// The publisher's lock. In another user's directory no file is made for it: where there is none, nobody publishes.
    private func lock(of owner: UInt32?) async throws -> PublisherLock? {
        guard owner == geteuid() || access(directory.lockFile, F_OK) == 0 else { return nil }
        return try await PublisherLock.acquire(in: directory, patience: .zero, alsoOf: owner)
    }

    /// Sends a request and returns the answer's body.
    private func request(_ request: ReplayRequest, timeout: Duration) async throws -> [UInt8]? {
        try directory.checkForClients()
        return try await PublisherCall(to: directory).send(request, timeout: timeout)
    }
}

extension PublisherInspection {
    /// Takes a named consumer out of the ledger's file. Holds the publisher's lock meanwhile, so that no publisher starts.
    ///
    /// - Returns: whether there was one.
    /// - Throws: `StateDirectoryError.inUse` while a publisher runs.
    package func forgetInFiles(_ consumer: String) async throws -> Bool {
        let lock = try await lock(of: directory.checkForClients())
        defer { withExtendedLifetime(lock) {} }
        let file = SmallFile<PublisherLedger>(path: directory.ledgerFile)
        guard var ledger = try file.read(), ledger.forget(consumer) else { return false }
        try file.write(ledger)
        return true
    }
}
