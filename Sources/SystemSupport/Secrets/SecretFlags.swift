/// The flags of well-known programs that take a secret, but have no name that says so.
package struct SecretFlags {
    /// Before a secret as the next word.
    private let separate: Set<String>
    /// Before a secret in the same word.
    private let joined: [String]
    /// Before `user:secret`.
    private let accounts: Set<String>
    /// Without which the flag means something else: `docker run -p 80:80`.
    package let subcommand: String?

    private init(
        _ separate: Set<String> = [], joined: [String] = [], accounts: Set<String> = [], of subcommand: String? = nil
    ) {
        self.subcommand = subcommand
        self.separate = separate
        self.joined = joined
        self.accounts = accounts
    }

    /// From the programs' own manuals.
    private static let programs: [String: SecretFlags] = {
        let account = SecretFlags(accounts: ["-u", "--user", "-U", "--proxy-user"])
        let database = SecretFlags(joined: ["-p"])
        let login = SecretFlags(["-p"], joined: ["-p"], of: "login")
        let openssl = SecretFlags(["-passin", "-passout", "-k", "-K", "-pass"])
        var programs = ["curl": account, "openssl": openssl, "keytool": SecretFlags(["-storepass", "-keypass"])]
        for name in ["mysql", "mysqldump", "mysqladmin", "mariadb", "mysqlsh", "7z", "7za"] {
            programs[name] = database
        }
        for name in ["docker", "podman", "buildah", "nerdctl", "helm", "skopeo", "oras", "az", "kinit"] {
            programs[name] = login
        }
        for name in ["sshpass", "mongo", "mongosh", "mongodump"] {
            programs[name] = SecretFlags(["-p"], joined: ["-p"])
        }
        // What `sshpass` runs has a port there.
        for name in ["ssh", "scp", "sftp", "rsync"] { programs[name] = SecretFlags() }
        programs["redis-cli"] = SecretFlags(["-a"])
        for name in ["ldapsearch", "ldapadd", "ldapmodify", "ldapwhoami"] {
            programs[name] = SecretFlags(["-w"], joined: ["-w"])
        }
        for name in ["sqlcmd", "bcp", "zip", "unzip"] { programs[name] = SecretFlags(["-P"], joined: ["-P"]) }
        programs["ipmitool"] = SecretFlags(["-P"])
        programs["http"] = SecretFlags(accounts: ["-a", "--auth"])
        programs["smbclient"] = SecretFlags(accounts: ["-U"])
        return programs
    }()

    private static let firstLetters = Set("puUakKwPs".utf8)

    /// A quick look before others.
    static func mayBe(_ flag: ArraySlice<UInt8>) -> Bool {
        guard flag.first == UInt8(ascii: "-"), let letter = flag.first(where: { $0 != UInt8(ascii: "-") }) else {
            return false
        }
        return firstLetters.contains(letter)
    }

    /// Those of a program by its path or name.
    package static func of(program path: ArraySlice<UInt8>) -> SecretFlags? {
        let name = path.suffix(32).split(separator: UInt8(ascii: "/")).last ?? []
        guard (2...12).contains(name.count) else { return nil }
        return programs[String(decoding: name, as: UTF8.self)]
    }

    /// A flag that was found.
    package struct Match {
        /// Where the value begins in the flag's own word; `nil`: the next word is the value.
        package let valueStart: Int?
        let isAccount: Bool

        /// What of the value is secret; `nil` if nothing is.
        package func secret(in value: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
            guard let first = value.first, first != UInt8(ascii: "-"), !"<[{$".utf8.contains(first) else { return nil }
            guard isAccount else { return value }
            return value.firstIndex { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "%") }.map { value[($0 + 1)...] }
        }
    }

    package func match(_ word: ArraySlice<UInt8>) -> Match? {
        let text = String(decoding: word.prefix(16), as: UTF8.self)
        if separate.contains(text) { return Match(valueStart: nil, isAccount: false) }
        if accounts.contains(text) { return Match(valueStart: nil, isAccount: true) }
        for flag in accounts {
            let isLong = flag.utf8.count > 2
            if text.hasPrefix(isLong ? flag + "=" : flag), isLong || !text.hasPrefix("--") {
                return Match(valueStart: word.startIndex + flag.utf8.count + (isLong ? 1 : 0), isAccount: true)
            }
        }
        for flag in joined where text.hasPrefix(flag) && text.utf8.count > flag.utf8.count {
            return Match(valueStart: word.startIndex + flag.utf8.count, isAccount: false)
        }
        return nil
    }
}
