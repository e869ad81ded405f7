internal import Collectors
internal import Hang
internal import Logging

/// How the settings want the ranks of this node to be asked.
extension AgentSettings {
    /// - Parameter target: whose stacks the periodic metric has.
    func stackConfiguration(_ target: StackTarget) -> StackCollector.Configuration {
        var configuration = StackCollector.Configuration(
            target: target, pySpyPath: values[\.stacks.pySpy], deadline: values[\.stacks.deadline])
        configuration.workerServers = values[\.stacks.workerServer]
        configuration.allowsBlocking = values[\.stacks.blocking]
        configuration.wantsNative = values[\.stacks.native]
        return configuration
    }

    /// How the stacks of a rank are taken for an incident.
    func stackLadder(logger: Logger) -> StackLadder {
        var options = StackLadder.Options()
        options.pySpyPath = values[\.stacks.pySpy]
        options.pySpyDeadline = values[\.stacks.deadline]
        options.workerServers = values[\.stacks.workerServer]
        options.allowsBlocking = values[\.stacks.blocking]
        options.wantsNative = values[\.stacks.native]
        return StackLadder(options, logger: logger)
    }

    /// The ranks that incidents are about: those whose stacks are dumped, or all of this node.
    func rankTarget() throws(SettingsError) -> StackTarget {
        try stackTarget() ?? .ranks
    }
}

extension SettingFormat<WorkerServerPattern> {
    /// Where worker servers are.
    static var workerServer: SettingFormat {
        SettingFormat(rule: WorkerServerPattern.rule, read: { WorkerServerPattern($0) }, write: { $0.description })
    }
}
