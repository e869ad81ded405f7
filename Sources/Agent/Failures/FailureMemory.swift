private import Foundation
internal import Logging
private import Synchronization
private import SystemPackage

/// What failed on this node before, so that a cause that comes back is not met with one restart after the other.
///
/// Kept in a file of the state directory, a JSON a line; where there is no such directory, in this process alone. A failure that is
/// diagnosed twice counts once. Any thread may use it, and several processes one file: a line is one write.
final class FailureMemory: Sendable {
    /// One failure's cause.
    struct Entry: Codable, Hashable, Sendable {
        /// When it was diagnosed, in seconds since 1970.
        var time: Int64
        var rule: String
        /// Tells this failure from others by the same rule.
        var signature: String
    }

    /// A file that would get longer is written anew, with its newest half.
    private static let mostBytes = 64 << 10

    private let path: String?
    private let longest: Duration
    private let logger: Logger
    private let held = Mutex<[Entry]>([])

    /// - Parameters:
    ///   - directory: where the file is kept, if that directory is there.
    ///   - longest: how long a failure is remembered.
    init(directory: String?, longest: Duration, logger: Logger) {
        path = directory.flatMap {
            FileManager.default.isWritableFile(atPath: $0) ? "\($0)/failures.ndjson" : nil
        }
        self.longest = longest
        self.logger = logger
    }

    /// The failures that are remembered: their signatures, by rule.
    func causes(now: Int64) -> [String: Set<String>] {
        let oldest = now - longest.components.seconds
        return entries(in: contents()).filter { $0.time >= oldest }
            .reduce(into: [:]) { $0[$1.rule, default: []].insert($1.signature) }
    }

    /// Remembers a failure, unless it is known.
    func note(_ entry: Entry) {
        let contents = contents()
        guard !entries(in: contents).contains(where: { $0.rule == entry.rule && $0.signature == entry.signature })
        else { return }
        do {
            guard let path else { throw Errno.noSuchFileOrDirectory }
            try append(try JSONEncoder().encode(entry) + [0x0A], to: path, with: contents)
        } catch {
            held.withLock { $0.append(entry) }
            guard let path else { return }
            logger.warning(
                "What failed is remembered by this process alone.",
                metadata: ["path": "\(path)", "error": "\(error)"])
        }
    }

    private func contents() -> Data {
        // There is none before the first failure.
        path.flatMap { try? Data(contentsOf: URL(filePath: $0)) } ?? Data()
    }

    private func entries(in contents: Data) -> [Entry] {
        let decoder = JSONDecoder()
        // A line that a kill cut off is none.
        return contents.split(separator: 0x0A).compactMap { try? decoder.decode(Entry.self, from: $0) }
            + held.withLock { $0 }
    }

    private func append(_ line: Data, to path: String, with contents: Data) throws {
        let isCutOff = contents.last.map { $0 != 0x0A } ?? false
        let line = isCutOff ? [0x0A] + line : line
        guard contents.count + line.count <= Self.mostBytes else {
            let newest = contents.suffix(Self.mostBytes / 2).drop { $0 != 0x0A }.dropFirst()
            return try (newest + line).write(to: URL(filePath: path), options: .atomic)
        }
        let file = try FileDescriptor.open(
            FilePath(path), .writeOnly, options: [.append, .create, .closeOnExec], permissions: .ownerReadWrite)
        try file.closeAfter { _ = try file.writeAll(line) }
    }
}
