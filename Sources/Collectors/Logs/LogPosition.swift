internal import Diagnosis

/// How far a log file has been reported: everything before `offset` has been.
///
/// Stored big-endian. Version 1 has 53 bytes: version (1), device u64, inode u64, offset u64, time of change i64, head length u16, head hash
/// u64, tail length u16, tail hash u64; lengths and hashes as `FileMark` defines them. Version 2 adds: line state u8, path length u16, path.
struct LogPosition: Hashable, Sendable {
    private static let version: UInt8 = 2
    private static let firstVersionSize = 53
    private static let fixedSize = 56
    /// A longer path is not stored.
    private static let longestPath = 4096

    var identity: FileIdentity
    /// In bytes from the file's start.
    var offset: UInt64
    /// When the file was last seen to change, in nanoseconds since 1970. A file that was last changed earlier is no copy of it.
    var modified: Int64
    var mark: FileMark
    /// What was reported of the line that `offset` is in.
    var line: LineState
    /// Where the file was, without symbolic links: a link may lead elsewhere by the time that reading goes on. Empty if unknown.
    var resolvedPath: String

    init(
        identity: FileIdentity, offset: UInt64, modified: Int64, mark: FileMark, line: LineState = .begins,
        resolvedPath: String = ""
    ) {
        self.identity = identity
        self.offset = offset
        self.modified = modified
        self.mark = mark
        self.line = line
        self.resolvedPath = resolvedPath.utf8.count <= Self.longestPath ? resolvedPath : ""
    }

    /// Reads what `bytes` has written.
    init(bytes: [UInt8]) throws(LogPositionError) {
        guard let version = bytes.first else { throw LogPositionError(reason: "it is empty") }
        guard (1...Self.version).contains(version) else {
            throw LogPositionError(reason: "it has version \(version), and this program knows 1 to \(Self.version)")
        }
        let least = version == 1 ? Self.firstVersionSize : Self.fixedSize
        guard bytes.count >= least, version > 1 || bytes.count == least else {
            throw LogPositionError(reason: "it has \(bytes.count) bytes and not \(least)")
        }
        var rest = bytes.dropFirst()
        func readInteger<Value: FixedWidthInteger>(_: Value.Type) -> Value {
            let width = Value.bitWidth / 8
            defer { rest = rest.dropFirst(width) }
            return rest.prefix(width).reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
        }
        identity = FileIdentity(device: readInteger(UInt64.self), inode: readInteger(UInt64.self))
        offset = readInteger(UInt64.self)
        modified = readInteger(Int64.self)
        mark = FileMark(
            headLength: readInteger(UInt16.self), headHash: readInteger(UInt64.self),
            tailLength: readInteger(UInt16.self),
            tailHash: readInteger(UInt64.self))
        line = .begins
        resolvedPath = ""
        if version > 1 {
            let state = readInteger(UInt8.self)
            guard let known = LineState(rawValue: state) else {
                throw LogPositionError(reason: "its line state \(state) is unknown")
            }
            line = known
            let length = Int(readInteger(UInt16.self))
            guard rest.count == length else {
                throw LogPositionError(reason: "its path has \(rest.count) bytes and not \(length)")
            }
            resolvedPath = String(decoding: rest, as: UTF8.self)
        }
        guard offset <= UInt64(Int64.max) else { throw LogPositionError(reason: "its offset \(offset) is impossible") }
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = [Self.version]
        func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
        }
        append(identity.device)
        append(identity.inode)
        append(offset)
        append(modified)
        append(mark.headLength)
        append(mark.headHash)
        append(mark.tailLength)
        append(mark.tailHash)
        append(line.rawValue)
        append(UInt16(resolvedPath.utf8.count))
        bytes += resolvedPath.utf8
        return bytes
    }
}

/// What was reported of the line that a position is in.
enum LineState: UInt8, Sendable {
    /// Nothing: the position is at a line's start.
    case begins = 0
    /// A piece of it, since it is too long. The piece says at its end that the line goes on.
    case afterPiece = 1
    /// All that was there of it when its file had been quiet for a while. What follows says that it belongs to it.
    case afterQuietPiece = 2
    /// A progress bar's state.
    case afterProgress = 3
}

/// Why a stored position cannot be used.
struct LogPositionError: Error, Hashable, CustomStringConvertible {
    let reason: String

    var description: String { "the stored position is not readable: \(reason)" }
}

/// A stretch of one of the files that a follower goes through, one after the other.
struct LogSpan: Hashable, Sendable {
    /// Counts the files, and the truncations of a file.
    let generation: Int
    let start: UInt64
    let end: UInt64
    /// What the stretch has told of the line at its end.
    let line: LineState
}
