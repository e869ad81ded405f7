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
        user = values[\.delivery.stream.user]
        passwordFile = values[\.delivery.stream.passwordFile]
        tokenFile = values[\.delivery.stream.tokenFile]
        credentialsFile = values[\.delivery.stream.credentialsFile]
        nkey = values[\.delivery.stream.nkey]
        nkeyFile = values[\.delivery.stream.nkeyFile]
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
        if let credentialsFile { return .file(credentialsFile) }
        if let nkey, let nkeyFile { return .nkey(nkey, seedPath: nkeyFile) }
        return .none
    }

    private func require(
        _ one: String?, with other: String?, _ name: String, _ otherName: String
    ) throws(SettingsError) {
        guard (one == nil) != (other == nil) else { return }
        throw SettingsError(place: "delivery.nats-*", reason: "\(name) and \(otherName) belong together")
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
        stream.isMade = values[\.delivery.stream.isMade]
        stream.replicas = values[\.delivery.stream.replicas]
        stream.maxAge = values[\.delivery.stream.maxAge]
        stream.maxBytes = values[\.delivery.stream.maxSize].map(Int64.init)
        stream.duplicateWindow = values[\.delivery.stream.duplicateWindow]
        return stream
    }
}
