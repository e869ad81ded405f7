internal import Diagnosis
internal import LogText

/// A node's place among the nodes of its job, the same at each start: what all of them would do in one moment, each does at its own.
///
/// A hash of the node, of the job and of what is spread: so a node that is the last of all for one thing is not the last for everything, and two
/// jobs with one console don't fall on the same moments.
struct NodeShare: Hashable, Sendable {
    /// Well mixed: all bits are good.
    let hash: UInt64

    /// - Parameter what: what is spread, such as a page's URL.
    init(of node: NodeIdentity, job: String, what: String) {
        var hash = StableHash()
        for byte in "\(job)/\(node.type)/\(node.id)/\(node.rank)/\(what)".utf8 { hash.add(byte) }
        self.init(hash: hash.value)
    }

    /// FNV's low bits are its best, but small changes at the end reach few of the high ones; after this (MurmurHash3's end) each reaches all.
    init(hash: UInt64) {
        var mixed = hash
        mixed = (mixed ^ (mixed >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        mixed = (mixed ^ (mixed >> 33)) &* 0xC4CE_B9FE_1A85_EC53
        self.hash = mixed ^ (mixed >> 33)
    }

    /// From 0 up to, not including, 1.
    var fraction: Double { Double(hash >> 11) / Double(1 << 53) }
}
