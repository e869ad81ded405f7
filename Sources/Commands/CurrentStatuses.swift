internal import Inspection
internal import ZMQBridge

/// The statuses of several publishers.
struct CurrentStatuses {
    var statuses: [PublisherStatus] = []
    /// Whether one of them has none.
    var hasFailed = false

    /// Asks for each one's; what went wrong with one is said, and the others are still shown.
    ///
    /// - Parameter consumers: the setting `consumers-dir`; `nil`: in each state directory.
    init(of directories: [StateDirectory], consumers: String?) async {
        for directory in directories {
            do {
                statuses.append(
                    try await .current(of: directory, consumers: consumers ?? directory.consumersDirectory))
            } catch {
                StandardError.say("Error: \(error)")
                hasFailed = true
            }
        }
    }
}
