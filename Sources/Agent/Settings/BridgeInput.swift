internal import Delivery
internal import Diagnosis
internal import JetStream
internal import MasterClients
internal import SystemSupport
internal import ZMQBridge

/// Where a bridge reads.
enum BridgeInput: Sendable {
    /// Publishers of this node.
    case bus([BusEndpoint])
    /// A stream that the buses of many nodes were brought into.
    case stream(StreamAddress, JetStreamOptions)

    var isStream: Bool {
        if case .stream = self { true } else { false }
    }

    /// Whether an endpoint of `connect` names a stream.
    static func isStream(_ text: String) -> Bool {
        ["nats://", "natss://"].contains { text.lowercased().hasPrefix($0) }
    }
}

extension AgentSettings {
    /// The stream among `connect`, if there is one; then nothing else is read.
    func streamSource() throws(SettingsError) -> MasterURL? {
        let texts = values[\.connect]
        guard let text = texts.first(where: BridgeInput.isStream) else { return nil }
        guard texts.count == 1 else {
            throw SettingsError(
                place: place(of: \.connect), reason: "a stream is read alone; \(texts.count) endpoints are given")
        }
        do throws(MasterURLError) {
            return try MasterURL(text)
        } catch {
            throw SettingsError(place: place(of: \.connect), reason: "\(error)")
        }
    }

    /// The publishers' directories on this node; none where a stream is read, since `state-dir` then has cursors and ledgers alone.
    func localDirectories() throws(SettingsError) -> [StateDirectory] {
        try streamSource() == nil ? stateDirectories() : []
    }

    /// What `connect` and `state-dir` say. Reads the files with what NATS servers want to see.
    func bridgeInput() throws(SettingsError) -> BridgeInput {
        guard let url = try streamSource(), case .jetStream(let address) = url.target else {
            return .bus(try endpoints())
        }
        if let obstacle = url.obstacle { throw SettingsError(place: place(of: \.connect), reason: obstacle) }
        let options = try MasterSettings(url: url, values: values).clientOptions()
        return .stream(address, options.jetStream)
    }
}

/// How a reader is told from others that share a stream with it: by a file that stays where its cursors are.
enum StreamOwner {
    /// In bytes.
    private static let largest = 64

    /// Reads the name, and makes one if there is none.
    static func name(in consumers: String) throws(SystemCallError) -> String {
        let file = WholeFile(path: consumers + "/" + ConsumerStore.streamReaderFile)
        if let bytes = try? file.read(limit: largest, followsLinks: false),
            let known = PublisherID(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
        {
            return "\(known)"
        }
        let made = "\(PublisherID())"
        try file.replace(with: Array((made + "\n").utf8))
        return made
    }
}
