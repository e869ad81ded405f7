internal import MasterClients

/// One master: where it is, and how it is served.
struct MasterSettings: Sendable {
    let url: MasterURL
    let options: MasterClientOptions
    let policy: DeliveryPolicy

    /// - Parameter values: all settings, with the master's own over them.
    init(url: MasterURL, values: SettingValues) {
        self.url = url
        var options = MasterClientOptions()
        options.jobUID = values.text("job-uid") ?? ""
        options.deadline = values.duration("delivery.deadline")
        options.join = values.toggle("delivery.join")
        options.joinBytes = values.size("delivery.join-size")
        options.joinSpan = values.duration("delivery.join-span")
        options.maxMessageBytes = values.size("delivery.max-message-size")
        self.options = options
        var policy = DeliveryPolicy()
        policy.batchCount = values.number("delivery.batch-count") ?? policy.batchCount
        policy.batchBytes = values.size("delivery.batch-size")
        policy.batchTime = values.duration("delivery.batch-time")
        policy.queueBytes = values.size("delivery.queue-size")
        policy.backoff.min = values.duration("delivery.backoff-min")
        policy.backoff.max = max(policy.backoff.min, values.duration("delivery.backoff-max"))
        self.policy = policy
    }

    init(entry: SettingValues.MasterEntry, values: SettingValues) throws(SettingsError) {
        do throws(MasterURLError) {
            self.init(url: try MasterURL(entry.url.texts.joined()), values: values)
        } catch {
            throw SettingsError(place: "\(entry.url.origin)", reason: "\(error)")
        }
    }
}
