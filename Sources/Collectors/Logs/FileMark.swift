/// Tells whether a file still is the one that was read up to an offset: hashes of its head and of what stands just before the offset.
///
/// It recognises an inode that was given to another file, and a file that was truncated and has grown past the offset again,
/// even where every file begins with the same lines.
struct FileMark: Hashable, Sendable {
    /// How many bytes either end of a mark covers at most. Shorter ones take small files with a common first line for the same
    /// (vectordotdev/vector#445).
    static let length = 256

    /// The first bytes of the file, at most up to the offset.
    let headLength: UInt16
    let headHash: UInt64
    /// The last bytes before the offset.
    let tailLength: UInt16
    let tailHash: UInt64

    init(headLength: UInt16, headHash: UInt64, tailLength: UInt16, tailHash: UInt64) {
        self.headLength = headLength
        self.headHash = headHash
        self.tailLength = tailLength
        self.tailHash = tailHash
    }

    /// - Parameters:
    ///   - head: the file's first bytes, at most `length` and not past the offset.
    ///   - tail: bytes that end at the offset, at most `length`.
    init(head: some Collection<UInt8>, tail: some Collection<UInt8>) {
        headLength = UInt16(head.count)
        headHash = Self.hash(head)
        tailLength = UInt16(tail.count)
        tailHash = Self.hash(tail)
    }

    /// Whether `file` has at its head and before `offset` what this mark was made of.
    func matches(_ file: LogFile, offset: UInt64) throws(SystemError) -> Bool {
        guard UInt64(headLength) <= offset, UInt64(tailLength) <= offset else { return false }
        let head = try file.bytes(at: 0, count: Int(headLength))
        guard head.count == Int(headLength), Self.hash(head) == headHash else { return false }
        let tail = try file.bytes(at: offset - UInt64(tailLength), count: Int(tailLength))
        return tail.count == Int(tailLength) && Self.hash(tail) == tailHash
    }

    /// FNV-1a with 64 bits (draft-eastlake-fnv). It is stored, so it must never change.
    private static func hash(_ bytes: some Collection<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
