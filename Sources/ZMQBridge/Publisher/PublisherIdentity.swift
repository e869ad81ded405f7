private import Diagnosis
private import Foundation

/// A publisher's id, kept as long as its state directory, and the number of its present run.
struct PublisherIdentity: Codable, Hashable {
    /// As `PublisherID` writes itself.
    var publisher: String
    var epoch: UInt64

    /// Begins a new run: max(last known epoch + 1, Unix seconds), so that no (epoch, sequence) ever comes back with other content,
    /// not even after the file was lost.
    static func begin(in directory: StateDirectory) throws -> PublisherIdentity {
        let file = SmallFile<PublisherIdentity>(path: directory.identityFile)
        let last = try file.read()
        if let last, PublisherID(last.publisher) == nil {
            throw StateDirectoryError.unreadable(path: directory.identityFile, reason: "no publisher id")
        }
        let (next, isExhausted) = (last?.epoch ?? 0).addingReportingOverflow(1)
        guard !isExhausted, next < .max else {
            throw StateDirectoryError.unreadable(path: directory.identityFile, reason: "no epoch can follow its epoch")
        }
        let now = UInt64(max(1, WallClock.seconds()))
        let identity = PublisherIdentity(
            publisher: last?.publisher ?? PublisherID().description,
            epoch: max(next, now)
        )
        try file.write(identity)
        return identity
    }
}
