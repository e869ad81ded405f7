internal import FailureDiagnosis
private import FoundationEssentials
private import Glibc
internal import Logging
private import Synchronization
private import SystemSupport

/// What failed on this node before, so that a cause that comes back is not answered with one restart after the other.
///
/// Kept in a file of the state directory, one JSON object a line; where there is no such directory, in this process alone. A failure that
/// is diagnosed twice counts once. Any thread may use it, and several processes one file: a line is one write.
final class FailureMemory: Sendable {
    typealias Entry = EarlierFailure

    /// A file that would get longer is replaced by its newest half.
    private static let mostBytes = 64 << 10

    private let file: WholeFile?
    private let longest: Duration
    private let logger: Logger
    private let held = Mutex<[Entry]>([])

    /// - Parameters:
    ///   - directory: where the file is kept, if that directory is there and can be written to.
    ///   - longest: how long a failure is remembered.
    init(directory: String?, longest: Duration, logger: Logger) {
        file = directory.flatMap { access($0, W_OK) == 0 ? WholeFile(path: "\($0)/failures.ndjson") : nil }
        self.longest = longest
        self.logger = logger
    }

    /// The failures that are remembered.
    func failures(now: Int64) -> [Entry] {
        let oldest = now - longest.components.seconds
        return entries(in: contents()).filter { $0.time >= oldest }
    }

    /// Remembers a failure, unless it is known.
    func remember(_ entry: Entry) {
        let contents = contents()
        guard !entries(in: contents).contains(where: { $0.rule == entry.rule && $0.signature == entry.signature })
        else { return }
        guard let file else { return held.withLock { $0.append(entry) } }
        do {
            try append(try JSONEncoder().encode(entry) + [0x0A], to: file, with: contents)
        } catch {
            held.withLock { $0.append(entry) }
            logger.warning(
                "What failed is remembered by this process alone.",
                metadata: ["path": "\(file.path)", "error": "\(error)"])
        }
    }

    private func contents() -> [UInt8] {
        // There is none before the first failure.
        file.flatMap { try? $0.read(limit: 2 * Self.mostBytes, followsLinks: false) } ?? []
    }

    private func entries(in contents: [UInt8]) -> [Entry] {
        let decoder = JSONDecoder()
        // A line that a kill cut off doesn't decode, and is left out.
        return contents.split(separator: 0x0A).compactMap { try? decoder.decode(Entry.self, from: Data($0)) }
            + held.withLock { $0 }
    }

    private func append(_ line: Data, to file: WholeFile, with contents: [UInt8]) throws {
        let isCutOff = contents.last.map { $0 != 0x0A } ?? false
        let line = isCutOff ? [0x0A] + line : line
        guard contents.count + line.count <= Self.mostBytes else {
            let newest = contents.suffix(Self.mostBytes / 2).drop { $0 != 0x0A }.dropFirst()
            return try file.replace(with: Array(newest) + Array(line), lasting: .process)
        }
        let descriptor = try OwnFile.open(file.path, O_WRONLY | O_APPEND | O_CREAT)
        defer { close(descriptor) }
        try WholeFile.writeAll(Array(line), to: descriptor, path: file.path)
    }
}
