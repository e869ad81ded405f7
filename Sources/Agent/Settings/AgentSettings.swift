internal import Collectors
internal import DLRoverListener
public import Diagnosis
package import FailureDiagnosis
internal import GRPCServing
internal import Journal
public import Logging
internal import MasterClients
internal import SystemSupport
internal import Telemetry
internal import ZMQBridge

/// The settings, in the types that the parts of the process take. An impossible value stops the start, and a reload (`SettingsReloader`).
public struct AgentSettings: Sendable {
    let values: SettingValues

    /// Reads and checks the settings of all three places.
    ///
    /// - Parameters:
    ///   - file: a YAML file, or `nil`.
    ///   - flags: what the command line says.
    /// - Throws: `SettingsError` with the flag, variable, or file and line, and what is allowed.
    public init(file: String?, environment: [String: String], flags: [SettingFlag]) throws(SettingsError) {
        try self.init(values: SettingsLoader(file: file, environment: environment, flags: flags).load())
    }

    /// Checks what is in more than one of the values.
    init(values: SettingValues) throws(SettingsError) {
        self.values = values
        // Made here once, so that an error is reported before anything has started.
        _ = try masters()
        _ = try metricURL()
        _ = try otherMetricURLs()
        _ = try stackTarget()
        _ = try listenAddresses()
        _ = try listenAllow()
        _ = try monitorAddress()
        _ = try networkBus()
        _ = try redactionRules()
        let hasStream = try streamSource() != nil
        let endpoints = try endpointsIfAny()
        // Where there is no default, only what needs a directory asks for one.
        guard hasStream || !endpoints.isEmpty || values.written(\.stateDirectory) == nil else { throw noStateDirectory }
    }

    /// `log-level`: the least severe level that is logged.
    public var logLevel: Logger.Level {
        values[\.logLevel]
    }

    /// `log-format`: how it is logged.
    package var logFormat: LogFormat { values[\.logFormat] }

    /// `shutdown-deadline`: how long held envelopes may still be delivered after a stop.
    public var shutdownDeadline: Duration { values[\.shutdownDeadline] }

    /// `parent-pid`: the process with which this one is to end.
    var parentPID: Int? { values[\.parentPID] }

    /// The node's identity.
    public var node: NodeIdentity {
        NodeIdentity(id: values[\.node.id], type: values[\.node.type], rank: values[\.node.rank])
    }

    /// How the publisher serves the bus and keeps its journal.
    var publisher: PublisherConfiguration {
        var publisher = PublisherConfiguration()
        publisher.highWaterMark = values[\.publisher.highWaterMark]
        publisher.replayBytesPerSecond = values[\.publisher.replayRate]
        publisher.consumers = values[\.publisher.consumers]
        publisher.journal = journal
        return publisher
    }

    /// The file for readers who may not enter the state directory; `nil`: none is set.
    var telemetryCopy: TelemetryFile.Copy? {
        values[\.telemetry.file].map { TelemetryFile.Copy(path: $0, mode: values[\.telemetry.fileMode]) }
    }

    /// The labels that all self-metrics are to have.
    var telemetryLabels: [(String, String)] { values[\.telemetry.labels].map { ($0.name, $0.value) } }

    private var journal: JournalConfiguration {
        var journal = JournalConfiguration()
        journal.totalBytes = values[\.journal.size]
        // Eviction takes whole segments; a few of each lane must fit.
        journal.segmentBytes = min(values[\.journal.segmentSize], max(4096, journal.totalBytes / 16))
        journal.maximumAge = values[\.journal.maxAge]
        journal.laneReserveBytes = values[\.journal.laneReserve]
        journal.durability = values[\.journal.durability]
        return journal
    }

    /// The masters to report to, each with its options.
    func masters() throws(SettingsError) -> [MasterSettings] {
        var masters: [MasterSettings] = []
        for entry in values.masters {
            masters.append(
                try MasterSettings(entry: entry, values: values.overlaid(with: entry.options), node: node)
            )
        }
        for (index, master) in masters.enumerated()
        where masters[..<index].contains(where: { $0.url == master.url }) {
            throw SettingsError(
                place: "\(values.masters[index].url.origin)", reason: "the master \(master.url) stands twice")
        }
        let most = values[\.publisher.consumers]
        guard masters.count <= most else {
            throw SettingsError(
                place: place(of: \.publisher.consumers),
                reason: "there are \(masters.count) masters, and \(most) named consumers may have a cursor")
        }
        return masters
    }

    /// A line for every setting, with its value and where that came from.
    public func describe() -> [String] {
        SettingsCatalog.all.map { setting in
            let (text, origin) = values.describe(setting)
            return "\(setting.key): \(text)  # \(origin); \(setting.help)"
        }
            + values.masters.map { master in
                let options = master.options.sorted { $0.key < $1.key }
                    .map { option in
                        ", \(option.key): \(option.value.texts.map { SecretText.line($0, of: option.key) }.joined(separator: ","))"
                    }
                    .joined()
                return "masters: \(SecretText.line(master.url.texts.joined()))\(options)  # \(master.url.origin)"
            }
    }

    /// Where the URL of a master came from, for errors.
    func origin(ofMaster index: Int) -> String { "\(values.masters[index].url.origin)" }

    /// Where a setting's value came from, for errors.
    func place<Value>(of path: SettingPath<Value>) -> String { values.place(of: path) }
}

extension AgentSettings {
    /// The built-in rules, what the rule files of the settings add and change, and DLRover's failure-node errors.
    ///
    /// - Throws: `SettingsError` with the rule file and line, and what is allowed.
    package func ruleTable() throws(SettingsError) -> RuleTable {
        var table = RuleTable.builtIn
        for path in values[\.diagnosis.rules] {
            do throws(RuleTableError) {
                try table.apply(file: path)
            } catch {
                throw SettingsError(place: error.place, reason: error.reason)
            }
        }
        guard let errors = values[\.diagnosis.failureNodeErrors], table.addFailureNodeErrors(errors) == 0 else {
            return table
        }
        // DLRover's agent ignores its own variable, too, if it is not written like that.
        guard values.written(\.diagnosis.failureNodeErrors)?.origin == .environment("FAILURE_NODE_ERRORS") else {
            throw SettingsError(
                place: place(of: \.diagnosis.failureNodeErrors),
                reason:
                    "it is '\(errors)'; it must be texts in number signs: #error code is 12345# error code is 23456#"
            )
        }
        return table
    }

    /// Whether failures are reported to masters.
    var reportsFailures: Bool { values[\.diagnosis.reportFailures] }

    /// The logs to follow.
    var logSelection: LogSelection {
        LogSelection(files: values[\.logs.files], exclude: values[\.logs.exclude], torchrun: values[\.logs.torchrun])
    }

    /// The followed logs: paths as they are written, and what the patterns find now.
    private func logSources() -> [LogSource] {
        let (patterns, paths) = (
            values[\.logs.files].filter(LogSelection.isPattern),
            values[\.logs.files].filter { !LogSelection.isPattern($0) }
        )
        let found =
            patterns.isEmpty
            ? [] : LogSelection(files: patterns, exclude: values[\.logs.exclude]).existingFiles().map(\.path)
        return (paths + found).map { LogSource(path: $0) }
    }

    /// A failure with what the settings say about it: the followed logs, the limits, the node.
    package func trainingFailure() -> TrainingFailure {
        var failure = TrainingFailure()
        failure.logs = logSources()
        for folder in values[\.logs.torchrun] {
            // A failure is told apart by its newest attempt alone. A folder without one says nothing.
            guard let newest = try? TorchrunLogs(folder: folder, nodeRank: Int(clamping: node.rank)) else { continue }
            failure.logs += newest.logs
            failure.errorFiles += newest.errorFiles
        }
        failure.kernelLog = values[\.diagnosis.kernelLog]
        failure.maxRestarts = values[\.diagnosis.maxRestarts]
        failure.budget = values[\.diagnosis.budget]
        failure.node = node
        return failure
    }
}

extension AgentSettings {
    /// Where DLRover's own clients may call; empty: nowhere.
    func listenAddresses() throws(SettingsError) -> [ListenAddress] {
        let texts = values[\.listen]
        var addresses: [ListenAddress] = []
        for text in texts {
            guard let address = ListenAddress(text) else {
                throw listenError("listen is '\(SecretText.line(text))'; it must be \(ListenAddress.rule)")
            }
            addresses.append(address)
        }
        guard texts.count <= ListenAddress.most else {
            throw listenError("listen has \(texts.count) addresses; it may have \(ListenAddress.most)")
        }
        if let address = ListenAddress.repeated(in: addresses) {
            throw listenError("listen names \(address) although another of its addresses is there already")
        }
        return addresses
    }

    private func listenError(_ reason: String) -> SettingsError {
        SettingsError(place: place(of: \.listen), reason: reason)
    }

    /// Who may call there besides root and this process's user.
    func listenAllow() throws(SettingsError) -> AllowedCallers {
        let texts = values[\.listenAllow]
        guard let callers = AllowedCallers(texts) else {
            throw SettingsError(
                place: place(of: \.listenAllow),
                reason:
                    "listen-allow is '\(texts.joined(separator: ","))'; it must be a list, each \(AllowedCallers.rule)")
        }
        return callers
    }
}

extension AgentSettings {
    /// The metrics page to scrape: `metrics.url`, or the page at XPUTimer's port. If both are set, the stronger place wins, and the URL if
    /// they are equal. `nil`: none is set.
    func metricURL() throws(SettingsError) -> MetricURL? {
        let portStrength = values.written(\.metrics.xpuTimerPort)?.origin.strength ?? -1
        let portWins = portStrength > (values.written(\.metrics.url)?.origin.strength ?? -1)
        do throws(MetricURLError) {
            if portWins, let port = values[\.metrics.xpuTimerPort] { return try MetricURL(xpuTimerPort: port) }
            return try values[\.metrics.url].map { url throws(MetricURLError) in try MetricURL(url) }
        } catch {
            throw SettingsError(
                place: portWins ? place(of: \.metrics.xpuTimerPort) : place(of: \.metrics.url), reason: "\(error)")
        }
    }
}

extension AgentSettings {
    private static let mostPages = 64

    /// The metrics pages of other programs.
    func otherMetricURLs() throws(SettingsError) -> [MetricURL] {
        func refuse(_ reason: String) -> SettingsError {
            SettingsError(place: place(of: \.metrics.urls), reason: reason)
        }
        var urls: [MetricURL] = []
        let first = try metricURL()
        for text in values[\.metrics.urls] {
            let url: MetricURL
            do throws(MetricURLError) {
                url = try MetricURL(text)
            } catch {
                throw refuse("\(error)")
            }
            guard !urls.contains(url), url != first else { throw refuse("the page \(url) stands twice") }
            urls.append(url)
        }
        guard urls.count <= Self.mostPages else {
            throw refuse("there are \(urls.count) pages; at most \(Self.mostPages) are scraped")
        }
        return urls
    }
}

extension AgentSettings {
    /// The processes whose stacks to dump; `nil`: none are set.
    func stackTarget() throws(SettingsError) -> StackTarget? {
        let pids = values[\.stacks.pids]
        guard values[\.stacks.ranks] else { return pids.isEmpty ? nil : .pids(pids) }
        guard pids.isEmpty else {
            throw SettingsError(
                place: place(of: \.stacks.ranks),
                reason: "stacks.ranks is true and stacks.pids is set (\(place(of: \.stacks.pids))); give one of them")
        }
        return .ranks
    }
}
