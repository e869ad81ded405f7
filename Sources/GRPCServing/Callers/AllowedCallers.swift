private import Glibc
internal import SystemSupport

/// Who may call besides root and arobust's own user: `listen-allow`.
package struct AllowedCallers: Hashable, Sendable {
    /// What is allowed for each entry, to follow "must be".
    package static let rule = "user:NAME, group:NAME, uid:NUMBER, gid:NUMBER or everyone"

    private enum Entry: Hashable {
        case everyone
        case user(String)
        case group(String)
        case uid(UInt32)
        case gid(UInt32)

        init?(_ text: String) {
            guard text != "everyone" else {
                self = .everyone
                return
            }
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[1].isEmpty, parts[1].utf8.count <= 256, !parts[1].utf8.contains(0) else {
                return nil
            }
            switch parts[0] {
            case "user": self = .user(parts[1])
            case "group": self = .group(parts[1])
            case "uid":
                guard let number = UInt32(digits: parts[1]) else { return nil }
                self = .uid(number)
            case "gid":
                guard let number = UInt32(digits: parts[1]) else { return nil }
                self = .gid(number)
            default: return nil
            }
        }
    }

    private let entries: [Entry]

    /// Nobody else.
    package static let nobodyElse = AllowedCallers(entries: [])
    /// Everybody, also those of whom nobody knows who they are.
    package static let everyone = AllowedCallers(entries: [.everyone])

    private init(entries: [Entry]) {
        self.entries = entries
    }

    /// - Returns: `nil` if one of the texts is none of `rule`.
    package init?(_ texts: [String]) {
        var entries: [Entry] = []
        for text in texts {
            guard let entry = Entry(text) else { return nil }
            entries.append(entry)
        }
        self.entries = entries
    }

    /// Looks the names up. Blocks.
    ///
    /// - Throws: `UnknownAccount` for a name that the system does not have.
    package func resolve() throws(UnknownAccount) -> ResolvedCallers {
        var resolved = ResolvedCallers(users: [0, geteuid()])
        for entry in entries {
            switch entry {
            case .everyone: resolved.isEveryone = true
            case .uid(let user): resolved.users.insert(user)
            case .gid(let group): resolved.groups.insert(group)
            case .user(let name):
                guard let user = SystemAccounts.user(named: name) else { throw UnknownAccount(text: "user \(name)") }
                resolved.users.insert(user)
            case .group(let name):
                guard let group = SystemAccounts.group(named: name) else {
                    throw UnknownAccount(text: "group \(name)")
                }
                resolved.groups.insert(group)
            }
        }
        return resolved
    }

    /// Looks the names up. Blocks.
    ///
    /// - Returns: what is wrong with the first that the system does not have.
    package func unknownAccount() -> String? {
        do throws(UnknownAccount) {
            _ = try resolve()
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// A name in `listen-allow` that the system does not know.
    package struct UnknownAccount: Error, CustomStringConvertible {
        let text: String

        package var description: String { "listen-allow names the \(text), which this system does not have" }
    }
}

/// Who may call, by number.
package struct ResolvedCallers: Sendable {
    var users: Set<UInt32>
    var groups: Set<UInt32> = []
    package var isEveryone = false

    /// Whether somebody else than root and this user may call.
    var isOpenToOthers: Bool { isEveryone || !groups.isEmpty || !users.subtracting([0, geteuid()]).isEmpty }

    /// Whether a user may call. Blocks where groups are to be looked up.
    ///
    /// - Parameter user: `nil`: nobody knows who it is.
    func allows(_ user: UInt32?) -> Bool {
        if isEveryone { return true }
        guard let user else { return false }
        if users.contains(user) { return true }
        return !groups.isEmpty && !groups.isDisjoint(with: SystemAccounts.groups(of: user))
    }

    /// What a program is told that may not call. Blocks.
    func refusal(of user: UInt32?) -> String {
        guard let user else {
            return """
                arobust cannot see which user this program runs as, since its connection is not in /proc/net/tcp (another network \
                namespace?): unless listen-allow is everyone, such calls are refused
                """
        }
        let name = SystemAccounts.name(of: user).map { " (\($0))" } ?? ""
        return """
            this program runs as user \(user)\(name), but arobust takes calls of root, of its own user \(geteuid()), and of whom \
            listen-allow names
            """
    }
}
