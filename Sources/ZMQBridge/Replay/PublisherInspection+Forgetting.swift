internal import SystemSupport

extension PublisherInspection {
    /// Takes a named consumer out of the ledger's file. Holds the publisher's lock meanwhile, so that no publisher starts.
    ///
    /// - Returns: whether there was one.
    /// - Throws: `StateDirectoryError.inUse` while a publisher runs.
    package func forgetInFiles(_ consumer: String) async throws -> Bool {
        let lock = try await PublisherLock.acquire(in: directory, patience: .zero)
        defer { withExtendedLifetime(lock) {} }
        let file = SmallFile<PublisherLedger>(path: directory.ledgerFile)
        guard var ledger = try file.read(), ledger.forget(consumer) else { return false }
        try file.write(ledger)
        return true
    }
}
