private import Glibc
private import Synchronization
private import SystemPackage
internal import SystemSupport

/// What the watch and the evidence both need to know of the Flight Recorder's dumps: which ranks were asked for one, since such a dump is no
/// sign of a hang, and where ranks leave them, since ranks may be gone when that is asked.
package final class FlightRecorderMemory: Sendable {
    /// For so long a new dump of a rank counts as the one that was asked for.
    private static let askedFor: Duration = .seconds(60)
    /// So many places are remembered.
    private static let mostPrefixes = 64

    private let asked = Mutex<[Int: ContinuousClock.Instant]>([:])
    private let known = Mutex<[FlightRecorderPlaces.Prefix]>([])

    package init() {}

    /// Notes that a rank was asked, here or by other ways.
    package func record(_ rank: Int, now: ContinuousClock.Instant = .now) {
        asked.withLock { $0[rank] = now }
    }

    /// Whether the rank was asked a short time ago.
    package func wasAsked(_ rank: Int, now: ContinuousClock.Instant = .now) -> Bool {
        asked.withLock { $0[rank].map { now - $0 < Self.askedFor } ?? false }
    }

    /// Remembers where dumps may be.
    ///
    /// - Returns: these places, and those that were remembered before.
    func prefixes(adding found: [FlightRecorderPlaces.Prefix]) -> [FlightRecorderPlaces.Prefix] {
        known.withLock { known in
            known = Array((found + known.filter { !found.contains($0) }).prefix(Self.mostPrefixes))
            return known
        }
    }

    /// Writes to a rank's pipe, and nowhere else. Never waits.
    ///
    /// - Throws: `SystemCallError` that says why the rank was not asked.
    func ask(_ rank: Int, at path: String) throws(SystemCallError) {
        // A look before it is opened: opening a device does something.
        var status = stat()
        guard lstat(path, &status) == 0 else { throw SystemCallError("look at", path: path) }
        guard status.st_mode & S_IFMT == S_IFIFO else {
            throw SystemCallError("write to", path: path, refusal: "it is no named pipe")
        }
        let descriptor = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else {
            let error = SystemCallError("open", path: path)
            guard error.code == .noSuchAddressOrDevice else { throw error }
            throw SystemCallError(
                "write to", path: path, refusal: "nobody reads from it: the rank is gone, or its PyTorch has no NCCL")
        }
        defer { close(descriptor) }
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else {
            throw SystemCallError("write to", path: path, refusal: "it is no named pipe any more")
        }
        record(rank)
        // The reader may go between the two, and the process that runs this may not ignore SIGPIPE.
        let bytes = Array("dump\n".utf8)
        let code = BrokenPipeSignal.blocked { write(descriptor, bytes, bytes.count) < 0 ? errno : 0 }
        // A full pipe has wishes enough in it.
        guard code == 0 || code == EAGAIN else {
            throw SystemCallError("write to", path: path, code: Errno(rawValue: code))
        }
    }
}
