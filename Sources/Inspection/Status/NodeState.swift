internal import Delivery
internal import SystemSupport
package import ZMQBridge

/// What a process knows of the publishers that it is about: the status of each, and what keeps it from being ready.
package struct NodeState: Sendable {
    /// As `arobust status --json` shows them; of a publisher that says nothing there is none.
    package var reports: [StatusReport] = []
    /// As `arobust status --check --only PART` says them, a sentence each.
    package var obstacles: [String] = []

    package init(reports: [StatusReport] = [], obstacles: [String] = []) {
        self.reports = reports
        self.obstacles = obstacles
    }

    /// Of the publisher of this process. Blocks.
    ///
    /// - Parameters:
    ///   - status: gives what the publisher says of itself.
    ///   - consumers: the directory of the masters' cursors and ledgers.
    ///   - part: what this process has to do.
    package init(
        of directory: StateDirectory, consumers: String, part: Health.Part, status: () throws -> PublisherStatus
    ) {
        do {
            try add(try status(), of: directory, consumers: consumers, part: part)
        } catch {
            obstacles.append(HumanText.line("\(error)"))
        }
    }

    /// Of the publishers that a bridge reads, in other processes.
    ///
    /// - Parameter patience: how long each may take to answer.
    package static func ofBridge(
        _ directories: [(directory: StateDirectory, consumers: String)], patience: Duration = .seconds(3)
    ) async -> NodeState {
        var state = NodeState()
        for (directory, consumers) in directories {
            let inspection = PublisherInspection(directory)
            do {
                guard let holder = try inspection.holder() else {
                    // It waits for one, which is its work.
                    state.obstacles += await Health(of: directory, consumers: consumers, part: .bridge).problems
                    continue
                }
                guard let status = try await inspection.ask(timeout: patience) else {
                    throw InspectionError.silent(directory, holder: holder, obstacle: inspection.obstacle)
                }
                try state.add(status, of: directory, consumers: consumers, part: .bridge)
            } catch {
                state.obstacles.append(HumanText.line("\(error)"))
            }
        }
        return state
    }

    private mutating func add(
        _ status: PublisherStatus, of directory: StateDirectory, consumers: String, part: Health.Part
    ) throws {
        let holders = try ConsumerHolder.all(inDirectory: consumers, alsoOf: try directory.checkForClients())
        let status = status.knowingMasters(holders)
        reports.append(StatusReport(status, holders: holders, in: directory))
        obstacles += Health(status, holders: part == .collect ? [:] : holders, part: part).problems
    }
}

extension StatusReport {
    /// Of a running publisher's status.
    ///
    /// - Parameter consumers: the directory of the masters' cursors and ledgers.
    init(of status: PublisherStatus, in directory: StateDirectory, consumers: String) throws {
        let holders = try ConsumerHolder.all(inDirectory: consumers, alsoOf: try directory.checkForClients())
        self.init(status.knowingMasters(holders), holders: holders, in: directory)
    }

    fileprivate init(_ status: PublisherStatus, holders: [String: ConsumerHolder], in directory: StateDirectory) {
        self.init(
            status, telemetry: TelemetryFolder(of: directory, now: status.time),
            problems: Health(status, holders: holders, part: .all).problems)
    }
}
