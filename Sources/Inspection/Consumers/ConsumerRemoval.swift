private import Diagnosis
package import ZMQBridge

/// Makes a publisher forget a named consumer, so that its journal keeps nothing for it.
package struct ConsumerRemoval {
    private let directory: StateDirectory
    private let consumersDirectory: String

    /// - Parameter consumers: where the masters' cursors and ledgers are.
    package init(_ directory: StateDirectory, consumers: String) {
        self.directory = directory
        consumersDirectory = consumers
    }

    /// Asks the running publisher; without one, changes its ledger.
    ///
    /// - Parameter name: as the consumer has given it, or as `arobust status` shows it.
    /// - Returns: what was done, in sentences.
    /// - Throws: `InspectionError` if there is no such consumer.
    package func forget(_ name: String) async throws -> [String] {
        let status = try await PublisherStatus.current(of: directory, consumers: consumersDirectory)
        let known = status.consumers.map(\.account.consumer)
        let meant = known.filter { $0 == name }.first ?? known.filter { HumanText.line($0) == name }.only
        guard let meant, let consumer = status.consumers.first(where: { $0.account.consumer == meant }) else {
            throw InspectionError(
                .notThere,
                "there is no consumer '\(HumanText.line(name))' in \(directory.path); it has "
                    + (known.isEmpty ? "none" : known.map(HumanText.line).joined(separator: ", ")))
        }
        let isRunning = try await forgetExactly(meant)
        var sentences = ["\(HumanText.line(meant)) is forgotten: the journal keeps nothing for it."]
        if isRunning, status.time - consumer.heard <= StatusText.longestSilence {
            sentences.append(
                "It was heard just now: if it still runs, it is back with its next commit. Take a master out of the settings first."
            )
        }
        return sentences
    }

    /// - Returns: whether a publisher runs.
    private func forgetExactly(_ name: String) async throws -> Bool {
        let inspection = PublisherInspection(directory)
        do {
            _ = try await inspection.forgetInFiles(name)
            return false
        } catch StateDirectoryError.inUse(_, let holder) {
            guard try await inspection.forget(name) else {
                throw InspectionError.silent(directory, holder: holder, obstacle: inspection.obstacle)
            }
            return true
        }
    }
}

extension Array {
    /// The element, if there is exactly one.
    fileprivate var only: Element? { count == 1 ? self[0] : nil }
}
