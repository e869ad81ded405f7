internal import CXattr
internal import Glibc

/// The access control list of a file, acl(5), as the kernel keeps it: who may do what beyond the nine permission bits.
enum AccessList {
    private static let name = "system.posix_acl_access"
    /// `linux/posix_acl_xattr.h`: a version, then entries of a tag, rights and an id, all little-endian.
    private static let version: UInt32 = 2
    private static let headSize = 4
    private static let entrySize = 8
    private static let write: UInt16 = 2

    private enum Tag {
        static let user: UInt16 = 0x02
        static let ownGroup: UInt16 = 0x04
        static let group: UInt16 = 0x08
        static let mask: UInt16 = 0x10
        static let others: UInt16 = 0x20
    }

    /// Whether it lets others than root and the owner write. One that can't be read counts as if it did.
    ///
    /// - Parameter path: not followed, if it is a link: links have none.
    static func letsOthersWrite(_ path: String, _ status: stat) -> Bool {
        guard status.st_mode & S_IFMT != S_IFLNK else { return false }
        let size = lgetxattr(path, name, nil, 0)
        guard size > 0 else { return size < 0 && ![ENODATA, ENOTSUP, ENOENT].contains(errno) }
        var bytes = [UInt8](repeating: 0, count: size)
        guard lgetxattr(path, name, &bytes, size) == size else { return true }
        return letsOthersWrite(bytes, owner: status.st_uid, group: status.st_gid)
    }

    static func letsOthersWrite(_ bytes: [UInt8], owner: uid_t, group: gid_t) -> Bool {
        func number(_ offset: Int, _ count: Int) -> UInt32 {
            bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        guard bytes.count >= headSize, number(0, 4) == version, (bytes.count - headSize) % entrySize == 0 else {
            return true
        }
        let entries = stride(from: headSize, to: bytes.count, by: entrySize).map {
            (tag: UInt16(number($0, 2)), rights: UInt16(number($0 + 2, 2)), id: number($0 + 4, 4))
        }
        let mask = entries.first { $0.tag == Tag.mask }?.rights ?? write
        return entries.contains { entry in
            guard entry.rights & write != 0 else { return false }
            return switch entry.tag {
            case Tag.others: true
            case Tag.user: mask & write != 0 && entry.id != owner && !TrustedPath.isOurs(entry.id)
            case Tag.ownGroup: mask & write != 0 && !TrustedPath.isTrustedGroup(group)
            case Tag.group: mask & write != 0 && !TrustedPath.isTrustedGroup(entry.id)
            default: false
            }
        }
    }
}
