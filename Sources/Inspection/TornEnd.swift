private import Foundation
internal import Journal

/// What follows the last whole record of a lane's last file: a write that is under way or was cut short, or damage.
///
/// The journal can't tell these apart, and needn't: it cuts off both. Who verifies wants to know. A write that is not finished is
/// the beginning of a record, and fewer bytes than that says it has.
struct TornEnd {
    private static let marker = Array("JREC".utf8)
    /// A record's header without key and position.
    private static let headerLength = 72

    private static let longestPayload: UInt64 = 1 << 30

    let isDamaged: Bool

    init(_ cut: JournalRecovery.Cut) throws {
        // A file that was only just being begun, or is gone by now.
        guard cut.offset > 0, let file = FileHandle(forReadingAtPath: cut.path) else {
            isDamaged = false
            return
        }
        defer { try? file.close() }
        try file.seek(toOffset: cut.offset)
        let known = Int(min(UInt64(Self.headerLength), cut.bytes))
        isDamaged = Self.isDamaged(head: Array(try file.read(upToCount: known) ?? Data()), length: cut.bytes)
    }

    /// - Parameters:
    ///   - head: up to a header's fixed part of bytes.
    ///   - length: how many bytes there were in all when the journal was opened.
    static func isDamaged(head: [UInt8], length: UInt64) -> Bool {
        guard head.starts(with: marker.prefix(head.count)) else { return true }
        guard head.count == headerLength else { return false }
        func number(_ range: Range<Int>) -> UInt64 { head[range].reduce(0) { $0 << 8 | UInt64($1) } }
        let payload = number(12..<16)
        return payload > longestPayload || length >= UInt64(headerLength) + number(16..<18) + number(18..<20) + payload
    }
}
