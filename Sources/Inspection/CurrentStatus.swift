internal import Delivery
internal import Diagnosis
private import Foundation
public import ZMQBridge

extension PublisherStatus {
    /// What the publisher says of itself, or what its files and those of its consumers say when none runs.
    ///
    /// - Parameter consumerDirectory: where the masters' cursors and ledgers are. It need not exist.
    /// - Throws: `InspectionError` if a publisher runs and does not answer; otherwise what prevents reading its files.
    public static func current(
        of directory: StateDirectory, consumers consumerDirectory: String
    ) async throws -> PublisherStatus {
        let inspection = PublisherInspection(directory)
        do {
            guard let publisher = try inspection.publisher() else {
                throw InspectionError(.notThere, "no publisher has ever used the state directory \(directory.path)")
            }
            let accounts = try readings(consumerDirectory).compactMap { reading -> ConsumerAccount? in
                guard case .accounts(let accounts) = reading.content else { return nil }
                return accounts[publisher]
            }
            return try await inspection.readFiles(accounts: accounts)
        } catch StateDirectoryError.inUse(_, let holder) {
            guard let status = try await inspection.ask() else {
                throw InspectionError(
                    .unreadable, "the publisher of \(directory.path), \(holder), does not answer")
            }
            return status
        }
    }

    private static func readings(_ directory: String) throws -> [ConsumerReading] {
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        return try ConsumerStore.readings(inDirectory: directory)
    }
}
