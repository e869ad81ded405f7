internal import Delivery
internal import Diagnosis
internal import MasterClients
internal import SystemSupport

/// One master: where it is, and how it is served.
struct MasterSettings: Sendable {
    let url: MasterURL
    let options: MasterClientOptions
    let policy: DeliveryPolicy
    /// How often heartbeats are sent; `nil`: never.
    let heartbeat: Duration?

    /// - Parameter values: all settings, with the master's own over them.
    init(url: MasterURL, values: SettingValues) {
        self.url = url
        var options = MasterClientOptions()
        options.jobUID = values.text("job-uid") ?? ""
        options.deadline = values.duration("delivery.deadline")
        options.join = values.toggle("delivery.join")
        options.contentBytes = values.size("delivery.content-size")
        options.joinSpan = values.duration("delivery.join-span")
        options.maxMessageBytes = values.size("delivery.max-message-size")
        var policy = DeliveryPolicy()
        policy.batchCount = values.number("delivery.batch-count") ?? policy.batchCount
        policy.batchBytes = values.size("delivery.batch-size")
        policy.batchTime = values.duration("delivery.batch-time")
        policy.queueBytes = values.size("delivery.queue-size")
        policy.callsUnderWay = values.number("delivery.calls") ?? policy.callsUnderWay
        policy.firstStart = values.text("delivery.from") == "now" ? .now : .oldest
        policy.timeToLive = Self.timeToLive(of: url, values)
        policy.timeToLiveByType = values.texts("delivery.time-to-live-by-type").compactMap(TypeDuration.init)
            .reduce(into: [:]) { $0[$1.dataType] = $1.duration }
        let rate = values.size("delivery.catch-up-rate")
        policy.catchUpBytesPerSecond = rate > 0 ? rate : nil
        policy.firstTypes = values.texts("delivery.first-types").map { DiagnosisDataType(rawValue: $0) }
        policy.lastTypes = values.texts("delivery.last-types").map { DiagnosisDataType(rawValue: $0) }
        policy.breakerFailures = values.number("delivery.breaker-failures") ?? policy.breakerFailures
        policy.typeBreakerRefusals = values.number("delivery.type-breaker-refusals") ?? policy.typeBreakerRefusals
        policy.typeBreakerPause = values.duration("delivery.type-breaker-pause")
        policy.backoff.min = values.duration("delivery.backoff-min")
        policy.backoff.max = max(policy.backoff.min, values.duration("delivery.backoff-max"))
        var heartbeat: Duration?
        if url.isDLRover {
            let slot = values.duration("delivery.sample-slot")
            if slot > .zero { policy.sampleSlots = [.xpuTimerMetric: slot] }
            let tolerance = values.duration("delivery.clock-tolerance")
            policy.longestAhead = tolerance
            options.ahead = tolerance
            options.oldest = policy.timeToLive
            options.oldestByType = policy.timeToLiveByType
            options.slim = values.toggle("delivery.slim")
            let pause = values.duration("delivery.heartbeat")
            if pause > .zero { heartbeat = pause }
        }
        self.options = options
        self.policy = policy
        self.heartbeat = heartbeat
    }

    /// A DLRover master drops what is older than ten minutes as soon as it sees it (`DiagnosisDataManager`, 600 s): to send it is in vain.
    private static let dlroverTimeToLive: Duration = .seconds(600)

    private static func timeToLive(of url: MasterURL, _ values: SettingValues) -> Duration? {
        if values.text("delivery.time-to-live") != nil {
            let limit = values.duration("delivery.time-to-live")
            return limit > .zero ? limit : nil
        }
        return url.isDLRover ? dlroverTimeToLive : nil
    }

    init(entry: SettingValues.MasterEntry, values: SettingValues) throws(SettingsError) {
        do throws(MasterURLError) {
            self.init(url: try MasterURL(entry.url.texts.joined()), values: values)
        } catch {
            throw SettingsError(place: "\(entry.url.origin)", reason: "\(error)")
        }
    }
}

/// The names under which a master's entry in the file holds its own settings.
enum MasterOption {
    /// `deadline` stands for `delivery.deadline`, `job-uid` for itself.
    static func key(of name: String) -> String {
        name == "job-uid" ? name : "delivery." + name
    }

    static var names: [String] {
        SettingsCatalog.delivering.map { String($0.key.split(separator: ".").last ?? "") }
    }

    static func definition(of name: String) -> SettingDefinition? {
        SettingsCatalog.delivering.first { $0.key == key(of: name) }
    }
}

/// A data type with a duration, as people write it: `XPU_TIMER_METRIC=5m`.
struct TypeDuration {
    let dataType: DiagnosisDataType
    let duration: Duration

    init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, TopicWord.isValid(String(parts[0])), let duration = DurationText.read(String(parts[1])),
            duration <= .seconds(365 * 86400)
        else { return nil }
        dataType = DiagnosisDataType(rawValue: String(parts[0]))
        self.duration = duration
    }
}
