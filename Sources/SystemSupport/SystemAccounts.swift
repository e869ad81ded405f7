package import Glibc

/// What the system knows of users and groups (`/etc/passwd`, LDAP, or whatever `nsswitch.conf` says). All of it may block.
package enum SystemAccounts {
    /// More groups of one user are not looked at.
    private static let mostGroups = 4096
    /// The longest entry that is read, in bytes.
    private static let longestEntry = 1 << 20

    /// - Returns: `nil` if there is no user with this name, or nobody answers.
    package static func user(named name: String) -> uid_t? {
        entry(passwd()) {
            getpwnam_r(name, $0, $1, $2, $3)
        } read: {
            $0.pw_uid
        }
    }

    /// - Returns: `nil` if there is no group with this name, or nobody answers.
    package static func group(named name: String) -> gid_t? {
        entry(Glibc.group()) {
            getgrnam_r(name, $0, $1, $2, $3)
        } read: {
            $0.gr_gid
        }
    }

    /// - Returns: `nil` if the user has none.
    package static func name(of user: uid_t) -> String? {
        entry(passwd()) {
            getpwuid_r(user, $0, $1, $2, $3)
        } read: {
            String(cString: $0.pw_name)
        }
    }

    /// All groups of a user, as if they logged in now.
    package static func groups(of user: uid_t) -> Set<gid_t> {
        let account = entry(passwd()) {
            getpwuid_r(user, $0, $1, $2, $3)
        } read: {
            (name: String(cString: $0.pw_name), group: $0.pw_gid)
        }
        guard let account else { return [] }
        var groups = [gid_t](repeating: 0, count: 64)
        while true {
            var count = CInt(groups.count)
            if getgrouplist(account.name, account.group, &groups, &count) >= 0 { return Set(groups.prefix(Int(count))) }
            guard Int(count) > groups.count, count <= mostGroups else { return [account.group] }
            groups = [gid_t](repeating: 0, count: Int(count))
        }
    }

    /// The user as whom the kernel shows all users that this process's user namespace does not have; `nil` if it has all.
    package static let overflowUser: uid_t? = {
        func text(_ path: String) -> String {
            String(decoding: (try? WholeFile(path: path).read(limit: 4096)) ?? [], as: UTF8.self)
        }
        let map = text("/proc/self/uid_map").split { $0.isWhitespace }
        guard map != ["0", "0", "4294967295"] else { return nil }
        return uid_t(text("/proc/sys/kernel/overflowuid").filter(\.isNumber)) ?? 65534
    }()

    /// Calls with a buffer that is large enough for the entry.
    private static func entry<Entry, Value>(
        _ empty: Entry,
        _ find: (
            UnsafeMutablePointer<Entry>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<Entry>?>
        ) -> CInt,
        read: (Entry) -> Value
    ) -> Value? {
        var entry = empty
        var size = 1024
        while size <= longestEntry {
            var buffer = [CChar](repeating: 0, count: size)
            let result: (code: CInt, value: Value?) = buffer.withUnsafeMutableBufferPointer { buffer in
                var found: UnsafeMutablePointer<Entry>?
                let code = find(&entry, buffer.baseAddress!, size, &found)  // not empty
                return (code, code == 0 ? found.map { read($0.pointee) } : nil)
            }
            guard result.code == ERANGE || result.code == EINTR else { return result.value }
            if result.code == ERANGE { size *= 4 }
        }
        return nil
    }
}
