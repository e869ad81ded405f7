private import Diagnosis
private import Foundation

/// A publisher's id, kept as long as its state directory, and the number of its present run.
struct PublisherIdentity: Codable, Hashable {
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

    /// Begins a new run: max(last known epoch + 1, Unix seconds), so that no (epoch, sequence) ever comes back with other content,
    /// not even after the file was lost.
    ///
    /// - Parameter journalEpoch: the newest in the journal.
    /// - Throws: what prevents reading. Where only the new epoch can't be written (a full disk), it is in `unsaved`: the journal and the
    ///   clock keep the next one from coming back.
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
