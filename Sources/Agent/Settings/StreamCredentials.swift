internal import JetStream
internal import SystemSupport

/// Which of the ways to be let in at NATS servers the settings name, and its files.
struct StreamCredentials: Sendable {
    private let user: String?
    private let passwordFile: String?
    private let tokenFile: String?
    private let credentialsFile: String?
    private let nkey: String?
    private let nkeyFile: String?

    init(_ values: SettingValues) {
        user = values[\.delivery.nats.user]
        passwordFile = values[\.delivery.nats.passwordFile]
        tokenFile = values[\.delivery.nats.tokenFile]
        credentialsFile = values[\.delivery.nats.credentialsFile]
        nkey = values[\.delivery.nats.nkey]
        nkeyFile = values[\.delivery.nats.nkeyFile]
    }

    /// Reads the file of a password or a token; those of keys are read by libnats, whenever it connects.
    func read() throws(SettingsError) -> JetStreamOptions.Credentials {
        let ways = [user, tokenFile, credentialsFile, nkey].compactMap(\.self).count
        guard ways <= 1 else {
            throw SettingsError(
                place: "delivery.nats-*",
                reason: "one of nats-user, nats-token-file, nats-credentials-file and nats-nkey is allowed")
        }
        try require(passwordFile, with: user, "nats-password-file", "nats-user")
        try require(nkeyFile, with: nkey, "nats-nkey-file", "nats-nkey")
        if let user, let passwordFile { return .user(user, password: try secret(passwordFile, "nats-password-file")) }
        if let tokenFile { return .token(try secret(tokenFile, "nats-token-file")) }
        if let credentialsFile {
            try check(credentialsFile, "nats-credentials-file", beginsWith: "-----BEGIN NATS USER JWT-----")
            return .file(credentialsFile)
        }
        if let nkey, let nkeyFile {
            guard nkey.utf8.count == 56, nkey.utf8.first == UInt8(ascii: "U") else {
                throw SettingsError(
                    place: "delivery.nats-nkey",
                    reason: "a user's public key has 56 characters, of which the first is U")
            }
            try check(nkeyFile, "nats-nkey-file", beginsWith: "SU")
            return .nkey(nkey, seedPath: nkeyFile)
        }
        return .none
    }

    private func require(
        _ one: String?, with other: String?, _ name: String, _ otherName: String
    ) throws(SettingsError) {
        guard (one == nil) != (other == nil) else { return }
        throw SettingsError(place: "delivery.nats-*", reason: "\(name) and \(otherName) belong together")
    }

    /// What libnats reads whenever it connects must be there at the start, be what it should be, and nobody else's to read.
    private func check(_ path: String, _ setting: String, beginsWith start: String) throws(SettingsError) {
        guard try secret(path, setting).hasPrefix(start) else {
            throw SettingsError(place: "delivery.\(setting)", reason: "\(path) does not begin with \(start)")
        }
    }

    private func secret(_ path: String, _ setting: String) throws(SettingsError) -> String {
        do throws(TokenFileError) {
            return try TokenFile(path: path).readSecret()
        } catch {
            throw SettingsError(place: "delivery.\(setting)", reason: "\(error)")
        }
    }
}

extension MasterSettings {
    /// What a stream is made with.
    static func streamOptions(_ values: SettingValues) -> JetStreamOptions.Stream {
        var stream = JetStreamOptions.Stream()
        stream.isMade = values[\.delivery.stream.create]
        stream.replicas = values[\.delivery.stream.replicas]
        stream.maxAge = values[\.delivery.stream.maxAge]
        stream.maxBytes = values[\.delivery.stream.maxSize].map(Int64.init)
        stream.duplicateWindow = values[\.delivery.stream.duplicateWindow]
        return stream
    }
}
