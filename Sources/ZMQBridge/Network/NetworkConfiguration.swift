/// Where and with which keys a publisher takes clients of the network.
public struct NetworkConfiguration: Hashable, Sendable {
    /// Envelopes are published here, and replayed at the next port.
    public var address: NetworkAddress
    /// The publisher's own key pair: `NAME.key_secret`.
    public var keyFile: String
    /// The public keys of the clients, a line each. Looked at again every second.
    public var authorizedKeys: String

    public init(address: NetworkAddress, keyFile: String, authorizedKeys: String) {
        self.address = address
        self.keyFile = keyFile
        self.authorizedKeys = authorizedKeys
    }

    /// Looks at both files, as the start does. Blocks.
    ///
    /// - Throws: `CurveError` with what the start would fail with.
    package func check() throws(CurveError) {
        _ = try read()
    }

    func read() throws(CurveError) -> (pair: CurveKeyPair, keys: AuthorizedKeys) {
        try CurveKeyPair.checkSupport()
        let pair = try CurveKeyFile(path: keyFile).readPair()
        guard let keys = try AuthorizedKeysFile(path: authorizedKeys).read() else {
            throw CurveError(
                "there is no file of authorized keys at \(authorizedKeys); make it: in each line the public key of a client, and a name for it"
            )
        }
        if let fault = keys.faults.first { throw CurveError(fault) }
        return (pair, keys)
    }
}
