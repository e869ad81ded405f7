package import Glibc

/// Finds out whether other users could change what a path leads to: by renaming a folder on the way, or by a link of theirs.
package enum TrustedPath {
    /// As the kernel (path_resolution(7)).
    private static let mostLinks = 40

    /// Follows a path from the root, each folder only after the one that it is in, and returns it without links.
    ///
    /// Every folder on the way must belong to root or the own user, and nobody else may be able to write to it, unless it is sticky, as `/tmp`
    /// is: then what is in it must belong to root or the own user. Links are followed where one of those two has made them. What does not exist
    /// yet ends the check. A path into `/proc` is the kernel's, and is returned as it is.
    ///
    /// What has been passed stays as it is: nobody else can rename or replace it any more. So a second look, after something was made there, tells
    /// for certain what it was made in.
    ///
    /// - Parameters:
    ///   - path: absolute.
    ///   - other: a user whose folders and links are trusted as well, but not in a sticky folder, where anybody can make some.
    package static func resolve(_ path: String, alsoOf other: uid_t? = nil) throws(TrustedPathError) -> String {
        var rest = components(of: path)[...]
        var current = ""
        var links = 0
        var isShared = try checkFolder("/", alsoOf: other)
        while let name = rest.popFirst() {
            if name == ".." {
                current = current.isEmpty ? "" : Directory.parent(of: current)
                if current == "/" { current = "" }
                isShared = try checkFolder(current.isEmpty ? "/" : current, alsoOf: other)
                continue
            }
            let next = current + "/" + name
            if next == "/proc" { return ([next] + rest).joined(separator: "/") }
            var status = stat()
            guard lstat(next, &status) == 0 else {
                guard errno == ENOENT else { throw TrustedPathError(path: next, problem: .unreadable(errno)) }
                return ([next] + rest).joined(separator: "/")
            }
            guard isOurs(status.st_uid) || !isShared && (rest.isEmpty || status.st_uid == other) else {
                throw TrustedPathError(path: next, problem: .owner(status.st_uid))
            }
            switch status.st_mode & S_IFMT {
            case S_IFLNK:
                links += 1
                guard links <= mostLinks, let target = target(of: next) else {
                    throw TrustedPathError(path: next, problem: .unreadable(ELOOP))
                }
                rest = components(of: target) + rest
                if target.hasPrefix("/") { current = "" }
            case S_IFDIR:
                current = next
                // The last one is its user's to judge.
                if !rest.isEmpty { isShared = try checkFolder(next, status, alsoOf: other) }
            default:
                current = next
            }
        }
        return current.isEmpty ? "/" : current
    }

    /// Makes a folder and those above it that are missing, and looks at the way there again: another user may have made one in between.
    ///
    /// - Parameters:
    ///   - path: absolute.
    ///   - mode: of the folder itself.
    ///   - above: of those above it.
    /// - Throws: `TrustedPathError` or `SystemCallError`. The folder itself, where it was there before, is its user's to judge.
    package static func makeFolder(_ path: String, mode: mode_t, above: mode_t = 0o755) throws {
        var missing: [String] = []
        var current = try resolve(path)
        while access(current, F_OK) != 0, current != "/" {
            missing.append(current)
            current = Directory.parent(of: current)
        }
        for folder in missing.reversed() {
            try Directory(path: folder).make(mode: folder == missing.first ? mode : above)
        }
        _ = try resolve(path)
    }

    private static func components(of path: String) -> [String] {
        path.split(separator: "/").map(String.init).filter { $0 != "." }
    }

    /// Checks a folder that is passed; answers whether everybody may make files in it.
    private static func checkFolder(
        _ path: String, _ known: stat? = nil, alsoOf other: uid_t?
    ) throws(TrustedPathError) -> Bool {
        var status = known ?? stat()
        if known == nil, lstat(path, &status) != 0 { throw TrustedPathError(path: path, problem: .unreadable(errno)) }
        guard isOurs(status.st_uid) || status.st_uid == other else {
            throw TrustedPathError(path: path, problem: .owner(status.st_uid))
        }
        do throws(TrustedPathError) {
            try checkIsClosed(path, status)
            return false
        } catch {
            guard status.st_mode & S_ISVTX != 0 else { throw error }
            return true
        }
    }

    /// Checks that a folder belongs to root or the own user, and that nobody else may write to it, sticky or not.
    ///
    /// - Parameter path: of a folder that is there; a link is followed.
    package static func checkOwnFolder(_ path: String) throws(TrustedPathError) {
        let path = try resolve(path)
        var status = stat()
        guard lstat(path, &status) == 0 else { throw TrustedPathError(path: path, problem: .unreadable(errno)) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw TrustedPathError(path: path, problem: .unreadable(ENOTDIR))
        }
        guard isOurs(status.st_uid) else { throw TrustedPathError(path: path, problem: .owner(status.st_uid)) }
        try checkIsClosed(path, status)
    }

    private static func checkIsClosed(_ path: String, _ status: stat) throws(TrustedPathError) {
        guard !modeIsOpen(status) else {
            throw TrustedPathError(path: path, problem: .mode(status.st_mode & 0o7777))
        }
        guard !AccessList.letsOthersWrite(path, status) else {
            throw TrustedPathError(path: path, problem: .accessList)
        }
    }

    private static func target(of link: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            readlink(link, bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }

    // MARK: owners and modes

    /// Whether a file of this owner is root's or the own user's. In a user namespace the files of those outside have the owner "overflow"
    /// (user_namespaces(7)), the machine's root among them.
    package static func isOurs(_ owner: uid_t) -> Bool {
        owner == 0 || owner == geteuid() || owner == overflowOwner
    }

    /// Whether others than root and the owner may change it, by its mode or its access list. Root's group counts as root, and the own user's
    /// group, that has their name and nobody else, as that user.
    package static func isOpenToOthers(_ path: String, _ status: stat) -> Bool {
        modeIsOpen(status) || AccessList.letsOthersWrite(path, status)
    }

    private static func modeIsOpen(_ status: stat) -> Bool {
        if status.st_mode & S_IWOTH != 0 { return true }
        return status.st_mode & S_IWGRP != 0 && !isTrustedGroup(status.st_gid)
    }

    static func isTrustedGroup(_ id: gid_t) -> Bool { id == 0 || isOwnGroup(id) }

    private static func isOwnGroup(_ id: gid_t) -> Bool {
        guard id == getegid(), let user = getpwuid(geteuid()), let group = getgrgid(id) else { return false }
        return strcmp(user.pointee.pw_name, group.pointee.gr_name) == 0 && group.pointee.gr_mem[0] == nil
    }

    /// The owner that files from outside seem to have; `nil` in the machine's own namespace.
    private static let overflowOwner: uid_t? = {
        func text(_ path: String) -> String {
            String(decoding: (try? WholeFile(path: path).read(limit: 4096)) ?? [], as: UTF8.self)
        }
        let map = text("/proc/self/uid_map").split(whereSeparator: \.isWhitespace)
        guard map.count != 3 || map[1] != "0" || map[2] != "4294967295" else { return nil }
        return uid_t(text("/proc/sys/kernel/overflowuid").prefix { $0.isNumber })
    }()
}

/// A path that others could lead elsewhere.
package struct TrustedPathError: Error, Hashable, CustomStringConvertible {
    package enum Problem: Hashable, Sendable {
        /// Another user owns it.
        case owner(uid_t)
        /// Others may write to the folder; the mode with its special bits.
        case mode(mode_t)
        /// Its access list (acl(5)) lets others write to the folder.
        case accessList
        /// It can't be looked at; the value of `errno`.
        case unreadable(CInt)
    }

    /// The part of the path with the problem.
    package var path: String
    package var problem: Problem

    package init(path: String, problem: Problem) {
        self.path = path
        self.problem = problem
    }

    package var description: String {
        switch problem {
        case .owner(let owner): "\(path) belongs to user \(owner), who could put something else there"
        case .mode(let mode):
            "\(path) has mode 0\(String(mode, radix: 8)), so that others could put something else there; take their right to write "
                + "away, or name a place elsewhere"
        case .accessList:
            "\(path) has an access list that lets others put something else there; take their right to write out of it (setfacl), or name "
                + "a place elsewhere"
        case .unreadable(let code): "cannot look at \(path): \(SystemCallError.text(code))"
        }
    }
}
