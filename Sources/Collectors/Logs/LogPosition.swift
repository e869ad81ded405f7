internal import Diagnosis

/// How far a log file has been reported: everything before `offset` has been.
///
/// Stored as 53 bytes, big-endian: version (1), device u64, inode u64, offset u64, time of change i64, head length u16, head hash u64,
/// tail length u16, tail hash u64; lengths and hashes as `FileMark` defines them.
struct LogPosition: Hashable, Sendable {
    private static let version: UInt8 = 1
    private static let size = 53

    var identity: FileIdentity
    /// In bytes from the file's start.
    var offset: UInt64
    /// When the file was last seen to change, in nanoseconds since 1970. A file that was last changed earlier is no copy of it.
    var modified: Int64
    var mark: FileMark

    init(identity: FileIdentity, offset: UInt64, modified: Int64, mark: FileMark) {
        self.identity = identity
        self.offset = offset
        self.modified = modified
        self.mark = mark
    }

    /// Reads what `bytes` has written.
    init(bytes: [UInt8]) throws(LogPositionError) {
        guard let version = bytes.first else { throw LogPositionError(reason: "it is empty") }
        guard version == Self.version else {
            throw LogPositionError(reason: "it has version \(version), and this program knows \(Self.version)")
        }
        guard bytes.count == Self.size else {
            throw LogPositionError(reason: "it has \(bytes.count) bytes and not \(Self.size)")
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
        return bytes
    }
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
    /// Whether the stretch ends within a line that was too long.
    let endsWithinLine: Bool
}
