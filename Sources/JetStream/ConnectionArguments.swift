internal import CNATS

/// The texts of a connection's options as C wants them.
struct ConnectionArguments {
    private let address: StreamAddress
    private let options: JetStreamOptions

    /// The first pause between two tries to connect again, and what is added at random: a thousand nodes must not come back in one moment.
    private static let pause: (least: Int64, jitter: Int64) = (500, 2000)

    init(_ address: StreamAddress, _ options: JetStreamOptions) {
        self.address = address
        self.options = options
    }

    /// - Parameter body: gets options that are valid during the call.
    func withOptions<Result>(_ body: (UnsafePointer<arobust_nats_options>) -> Result) -> Result {
        let texts = TextPool()
        defer { texts.free() }
        // The order of the servers is libnats's: at random, so that the nodes of a job spread.
        let scheme = address.isSecure ? "tls" : "nats"
        let servers: [UnsafePointer<CChar>?] = address.servers.map { texts.copy("\(scheme)://\($0)") }
        return servers.withUnsafeBufferPointer { servers in
            var given = arobust_nats_options()
            given.servers = servers.baseAddress
            given.server_count = CInt(servers.count)
            given.name = texts.copy(options.name)
            switch options.credentials {
            case .none: break
            case .user(let name, let password):
                given.user = texts.copy(name)
                given.password = texts.copy(password)
            case .token(let token): given.token = texts.copy(token)
            case .file(let path): given.credentials_path = texts.copy(path)
            case .nkey(let key, let path):
                given.nkey_public = texts.copy(key)
                given.nkey_seed_path = texts.copy(path)
            }
            given.is_secure = address.isSecure
            given.authorities_path = texts.copy(options.authoritiesPath)
            given.certificate_path = texts.copy(options.certificatePath)
            given.key_path = texts.copy(options.keyPath)
            given.server_name = texts.copy(options.serverName)
            given.timeout_ms = max(1, options.connectTimeout.nanoseconds / 1_000_000)
            given.reconnect_ms = Self.pause.least
            given.reconnect_jitter_ms = Self.pause.jitter
            given.sends_at_once = options.sendsAtOnce
            return body(&given)
        }
    }
}

/// Copies of texts, with a 0 at the end, until `free`.
private final class TextPool {
    private var copies: [UnsafeMutablePointer<CChar>] = []

    func copy(_ text: String?) -> UnsafePointer<CChar>? {
        guard let text else { return nil }
        let bytes = text.utf8CString
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
        bytes.withUnsafeBufferPointer { copy.initialize(from: $0.baseAddress!, count: bytes.count) }
        copies.append(copy)
        return UnsafePointer(copy)
    }

    func free() {
        for copy in copies { copy.deallocate() }
        copies = []
    }
}
