/// Which file it is, whatever its name. An inode number comes back after its file is deleted, so this alone proves nothing.
struct FileIdentity: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
}
