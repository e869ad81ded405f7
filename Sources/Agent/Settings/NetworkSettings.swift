internal import SystemSupport
internal import ZMQBridge

/// The bus over the network: where a publisher takes clients, and with which keys clients go there.
extension AgentSettings {
    /// Where and with which keys the publisher takes clients of the network; `nil`: it does not. Reads no file.
    func networkBus() throws(SettingsError) -> NetworkConfiguration? {
        guard let text = values[\.publisher.listen] else {
            for (path, key) in [
                (\SettingsCatalog.publisher.keyFile, "publisher.key-file"),
                (\.publisher.authorizedKeys, "publisher.authorized-keys"),
            ] where values[path] != nil {
                throw SettingsError(place: place(of: path), reason: "\(key) is for publisher.listen, which is not set")
            }
            return nil
        }
        func refuse(_ reason: String) -> SettingsError {
            SettingsError(place: place(of: \.publisher.listen), reason: reason)
        }
        guard let address = NetworkAddress(text) else {
            throw refuse("publisher.listen is '\(SecretText.line(text))'; it must be \(NetworkAddress.rule)")
        }
        guard let keyFile = values[\.publisher.keyFile], let authorizedKeys = values[\.publisher.authorizedKeys] else {
            throw refuse(
                "publisher.listen is \(address), and over the network the bus has clients with CURVE keys only: set publisher.key-file (arobust keys new makes one) and publisher.authorized-keys, a file with the public keys of the clients"
            )
        }
        return NetworkConfiguration(address: address, keyFile: keyFile, authorizedKeys: authorizedKeys)
    }

    /// Looks at the files of keys, as the publisher's start does. Blocks.
    func checkNetworkBus() throws {
        guard let network = try networkBus() else { return }
        do throws(CurveError) {
            try network.check()
        } catch {
            throw SettingsError(place: place(of: \.publisher.listen), reason: "\(error)")
        }
    }

    /// An endpoint of `connect`, with the keys that it needs.
    ///
    /// - Parameter keys: gives those of the publisher with this number among the ones at `tcp://`; `nil`: the files of keys are not read, and
    ///   only what is set is looked at.
    func endpoint(_ text: String, keys: ((Int) throws(SettingsError) -> ClientKeys)?, number: inout Int)
        throws(SettingsError) -> BusEndpoint
    {
        func refuse(_ reason: String) -> SettingsError {
            SettingsError(place: place(of: \.connect), reason: reason)
        }
        if let host = BusEndpoint.networkHost(in: text) {
            let (publisherKeys, ownKey) = (values[\.connectServerKey], values[\.connectKeyFile])
            let isLoopback = ["127.0.0.1", "localhost"].contains(host)
            if !isLoopback || ownKey != nil || !publisherKeys.isEmpty {
                guard ownKey != nil, !publisherKeys.isEmpty else {
                    throw refuse(
                        "the endpoint is '\(SecretText.line(text))', and over the network the bus needs keys: set connect-server-key (--server-key), the publisher's public key, and connect-key-file (--key), a secret key of one's own (arobust keys new)"
                    )
                }
                defer { number += 1 }
                guard let keys else { return BusEndpoint(unsecured: text) }
                guard let endpoint = BusEndpoint(text, keys: try keys(number)) else {
                    throw refuse("the endpoint is '\(SecretText.line(text))'; it must be \(BusEndpoint.rule)")
                }
                return endpoint
            }
        }
        guard let endpoint = BusEndpoint(text) else {
            throw refuse("the endpoint is '\(SecretText.line(text))'; it must be \(BusEndpoint.rule)")
        }
        return endpoint
    }

    /// Reads the keys with which this process goes to publishers over the network. Blocks.
    ///
    /// - Parameter count: how many publishers there are.
    /// - Returns: the keys for each, by its number.
    func clientKeys(for count: Int) throws(SettingsError) -> (Int) throws(SettingsError) -> ClientKeys {
        let texts = values[\.connectServerKey]
        guard let file = values[\.connectKeyFile], texts.count == 1 || texts.count == count else {
            throw SettingsError(
                place: place(of: \.connectServerKey),
                reason:
                    "connect-server-key has \(texts.count) keys for \(count) publishers over the network; it must have one for all, or one for each in the order of connect"
            )
        }
        let own: CurveKeyPair
        do throws(CurveError) {
            own = try CurveKeyFile(path: file).readPair()
        } catch {
            throw SettingsError(place: place(of: \.connectKeyFile), reason: "\(error)")
        }
        var keys: [CurveKey] = []
        for text in texts { keys.append(try publisherKey(text)) }
        return { number throws(SettingsError) in
            ClientKeys(publisher: keys[keys.count == 1 ? 0 : number], own: own)
        }
    }

    private func publisherKey(_ text: String) throws(SettingsError) -> CurveKey {
        if let key = CurveKey(text) { return key }
        do throws(CurveError) {
            return try CurveKeyFile(path: text).readPublicKey()
        } catch {
            throw SettingsError(
                place: place(of: \.connectServerKey),
                reason: "connect-server-key must be \(CurveKey.rule), or a file with one: \(error)")
        }
    }
}
