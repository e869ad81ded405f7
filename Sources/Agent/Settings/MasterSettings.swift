internal import Delivery
internal import Diagnosis
internal import JetStream
internal import MasterClients
internal import SystemSupport
internal import TransportSecurity

/// One master: where it is, and how it is reported to.
struct MasterSettings: Sendable {
    let url: MasterURL
    let options: MasterClientOptions
    let policy: DeliveryPolicy
    /// How often heartbeats are sent; `nil`: never.
    let heartbeat: Duration?

    /// Where what a stream's servers want to see is.
    let credentials: StreamCredentials
    /// Where the headers for an OTLP receiver are; `nil`: nowhere.
    let headersFile: String?
    /// Where the console's token is; `nil`: nowhere.
    let tokenFile: String?
    /// The proxy's URL, and where its credentials are; `nil`: none.
    let proxy: (url: String, credentialsFile: String?)?

    /// - Parameters:
    ///   - values: all settings, with the master's own over them.
    ///   - node: who reports; its place among the job's nodes says when.
    init(url: MasterURL, values: SettingValues, node: NodeIdentity = NodeIdentity()) {
        self.url = url
        var policy = Self.policy(for: url, values)
        policy.share = NodeShare(of: node, job: values[\.jobUID] ?? "", what: "\(url)").fraction
        self.policy = policy
        options = Self.options(for: url, values, policy)
        credentials = StreamCredentials(values)
        headersFile = url.isOTLP ? values[\.delivery.otlp.headersFile] : nil
        tokenFile = url.isConsole ? values[\.delivery.tokenFile] : nil
        let credentialsFile = values[\.delivery.httpProxyCredentialsFile]
        proxy = url.host == nil ? nil : values[\.delivery.httpProxy].map { ($0, credentialsFile) }
        let interval = values[\.delivery.heartbeat]
        heartbeat = url.isDLRover && interval > .zero ? interval : nil
    }

    init(entry: SettingValues.MasterEntry, values: SettingValues, node: NodeIdentity) throws(SettingsError) {
        do throws(MasterURLError) {
            self.init(url: try MasterURL(entry.url.texts.joined()), values: values, node: node)
        } catch {
            throw SettingsError(place: "\(entry.url.origin)", reason: "\(error)")
        }
    }

    /// The client's options, with the console's token. Reads its file.
    func clientOptions() throws(SettingsError) -> MasterClientOptions {
        var options = options
        do throws(TransportSecurityError) {
            try url.checkSecurity(options.tls)
        } catch {
            throw SettingsError(place: "delivery.tls-*", reason: "\(error)")
        }
        options.proxy = try readProxy()
        if let headersFile { options.otlp.headers = try OTLPOptions.headers(path: headersFile) }
        if url.isStream {
            guard !url.isSecure || options.tls.revocationsPath == nil else {
                throw SettingsError(
                    place: "delivery.tls-revocation-file",
                    reason:
                        "\(url) cannot be reached with a list of revoked certificates, since libnats reads none; name the list in the entries of the other masters"
                )
            }
            options.stream.credentials = try credentials.read()
        }
        guard let tokenFile else {
            if url.isConsole, let token = ProcessEnvironment.all()[ConsoleVariable.token], !token.isEmpty {
                options.token = token
            }
            return options
        }
        do throws(TokenFileError) {
            options.token = try TokenFile(path: tokenFile).read()
        } catch {
            throw SettingsError(place: "delivery.token-file", reason: "\(error)")
        }
        return options
    }

    /// Reads the file with its credentials.
    private func readProxy() throws(SettingsError) -> MasterProxy? {
        guard let proxy else { return nil }
        guard var read = MasterProxy(proxy.url) else {
            throw SettingsError(
                place: "delivery.http-proxy",
                reason: "delivery.http-proxy is '\(SecretText.line(proxy.url))'; it must be \(MasterProxy.rule)")
        }
        // The library compares a certificate's addresses with that of the connection, which is the proxy's.
        if url.isSecure, ClientSecurity.isAddress(options.tls.serverName ?? url.host ?? "") {
            throw SettingsError(
                place: "delivery.http-proxy",
                reason:
                    "\(url) is named by its address: through a proxy its certificate can be checked by a name alone; put the name into the URL or delivery.tls-server-name"
            )
        }
        guard let path = proxy.credentialsFile else { return read }
        do throws(TokenFileError) {
            read.credentials = try TokenFile(path: path).readCredentials()
        } catch {
            throw SettingsError(place: "delivery.http-proxy-credentials-file", reason: "\(error)")
        }
        return read
    }

    private static func options(
        for url: MasterURL, _ values: SettingValues, _ policy: DeliveryPolicy
    ) -> MasterClientOptions {
        var options = MasterClientOptions()
        options.jobUID = values[\.jobUID] ?? options.jobUID
        options.deadline = values[\.delivery.deadline]
        options.join = values[\.delivery.join]
        options.contentBytes = values[\.delivery.contentSize]
        options.joinSpan = values[\.delivery.joinSpan]
        options.maxMessageBytes = values[\.delivery.maxMessageSize]
        options.tls.authoritiesPath = values[\.delivery.tlsCAFile]
        options.tls.certificatePath = values[\.delivery.tlsCertificateFile]
        options.tls.keyPath = values[\.delivery.tlsKeyFile]
        options.tls.serverName = values[\.delivery.tlsServerName]
        options.tls.revocationsPath = values[\.delivery.tlsRevocationFile]
        options.stream.stream = streamOptions(values)
        options.otlp.compresses = values[\.delivery.otlp.compression]
        options.otlp.sendsMetrics = values[\.delivery.otlp.metrics]
        // What comes from a stream is of other nodes.
        let isOfNode = url.isOTLP && !values[\.connect].contains(where: BridgeInput.isStream)
        options.otlp.hostName = isOfNode ? HostName.current : nil
        if url.isDLRover {
            options.ahead = values[\.delivery.clockTolerance]
            options.oldest = policy.timeToLive
            options.oldestByType = policy.timeToLiveByType
            options.slim = values[\.delivery.slim]
        }
        return options
    }

    private static func policy(for url: MasterURL, _ values: SettingValues) -> DeliveryPolicy {
        var policy = DeliveryPolicy()
        policy.batchCount = values[\.delivery.batchCount]
        policy.batchBytes = values[\.delivery.batchSize]
        policy.startSpread = values[\.delivery.spread]
        policy.batchTime = values[\.delivery.batchTime]
        policy.queueBytes = values[\.delivery.queueSize]
        policy.callsUnderWay = values[\.delivery.calls]
        policy.firstStart = values[\.delivery.from]
        policy.timeToLive = timeToLive(of: url, values)
        policy.timeToLiveByType = values[\.delivery.timeToLiveByType]
            .reduce(into: MasterClientOptions().oldestByType) { $0[$1.dataType] = $1.duration }
        let rate = values[\.delivery.catchUpRate]
        policy.catchUpBytesPerSecond = rate > 0 ? rate : nil
        policy.firstTypes = values[\.delivery.firstTypes]
        policy.lastTypes = values[\.delivery.lastTypes]
        policy.breakerFailures = values[\.delivery.breakerFailures]
        policy.typeBreakerRefusals = values[\.delivery.typeBreakerRefusals]
        policy.typeBreakerPause = values[\.delivery.typeBreakerPause]
        policy.backoff.min = values[\.delivery.backoffMin]
        policy.backoff.max = max(policy.backoff.min, values[\.delivery.backoffMax])
        if url.isDLRover {
            let slot = values[\.delivery.sampleSlot]
            if slot > .zero { policy.sampleSlots = [.xpuTimerMetric: slot] }
            policy.longestAhead = values[\.delivery.clockTolerance]
        }
        return policy
    }

    private static func timeToLive(of url: MasterURL, _ values: SettingValues) -> Duration? {
        if let limit = values[\.delivery.timeToLive] { return limit > .zero ? limit : nil }
        // A DLRover master drops older data at once.
        return url.isDLRover ? MasterClientOptions().oldest : nil
    }
}

/// Secrets that come in variables and are no settings, so that nothing ever shows them.
package enum ConsoleVariable {
    /// What agents bring to a console, and what a console wants of agents.
    package static let token = "AROBUST_CONSOLE_TOKEN"
    /// What a console wants of browsers.
    package static let webToken = "AROBUST_CONSOLE_WEB_TOKEN"

    static let all: Set<String> = [token, webToken]
}
