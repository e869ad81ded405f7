internal import Delivery
internal import Diagnosis
internal import SystemSupport
package import ZMQBridge

/// A publisher's status for programs: its own JSON, and `alarms`, `findings`, `finding_counts`, `trainings`, `logs`, `redacted`, `problems`.
package struct StatusReport: Encodable, Sendable {
    private enum CodingKeys: String, CodingKey {
        case alarms, findings, logs, problems, redacted, trainings
        case findingCounts = "finding_counts"
    }

    package let status: PublisherStatus
    package let telemetry: TelemetryFolder
    /// What keeps it from its work (`Health`).
    package let problems: [String]

    package init(_ status: PublisherStatus, telemetry: TelemetryFolder, problems: [String] = []) {
        self.status = status
        self.telemetry = telemetry
        self.problems = problems
    }

    package func encode(to encoder: any Encoder) throws {
        try status.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(telemetry.alarms, forKey: .alarms)
        try container.encode(telemetry.findings, forKey: .findings)
        try container.encode(telemetry.findingCounts, forKey: .findingCounts)
        try container.encode(telemetry.trainings, forKey: .trainings)
        try container.encode(telemetry.logs, forKey: .logs)
        try container.encode(telemetry.redacted, forKey: .redacted)
        try container.encode(problems, forKey: .problems)
    }
}

extension PublisherStatus {
    /// What the running publisher says, with the accounts that its consumers gave it; when none runs, what its files say, with the
    /// accounts in the consumers' own files. Those are newer than the publisher's copies, and are opened only then.
    ///
    /// The publisher's lock tells whether one runs: after a kill its sockets are still there.
    ///
    /// - Parameter consumerDirectory: where the masters' cursors and ledgers are. It need not exist.
    /// - Throws: `InspectionError` if a publisher runs and does not answer; otherwise what prevents reading its files.
    package static func current(
        of directory: StateDirectory, consumers consumerDirectory: String
    ) async throws -> PublisherStatus {
        let inspection = PublisherInspection(directory)
        guard try inspection.publisher() != nil else {
            throw InspectionError(.notThere, "no publisher has ever used the state directory \(directory.path)")
        }
        do {
            let owner = try directory.checkForClients()
            return try await inspection.readFiles { publisher in
                try ConsumerStore.readings(inDirectory: consumerDirectory, alsoOf: owner).compactMap { reading in
                    guard case .accounts(let accounts) = reading.content else { return nil }
                    return accounts[publisher]
                }
            }
        } catch StateDirectoryError.inUse(_, let holder) {
            guard let status = try await inspection.ask() else {
                throw InspectionError.silent(directory, holder: holder, obstacle: inspection.obstacle)
            }
            guard status.refused?.isEmpty == false else { return status }
            return status.knowingMasters(try ConsumerHolder.all(inDirectory: consumerDirectory))
        }
    }

    /// The masters of a bridge are known by their files here, not to the publisher.
    func knowingMasters(_ holders: [String: ConsumerHolder]) -> PublisherStatus {
        var status = self
        status.refused = refused?.map { refusal in
            var refusal = refusal
            refusal.isMaster = refusal.isMaster || holders[refusal.consumer]?.isThere == true
            return refusal
        }
        return status
    }
}

extension PublisherStatus.Refusal {
    /// What an operator reads.
    var sentence: String {
        "the publisher does not take the account of \(HumanText.line(consumer)): \(HumanText.line(reason))"
    }
}

/// Something that needs an operator, as one of our processes says: the gauge `arobust_alarm` with the value 1.
package struct Alarm: Hashable, Sendable, Codable {
    /// What it is, as the gauge names it: `xpu_timer_scrape`.
    package var name: String
    /// What it concerns, such as a URL.
    package var source: String
    /// One word for why.
    package var reason: String
    /// When it began, in seconds since 1970, as far as that is known.
    package var since: Int64?
    /// Which command raised it: `agent`, `collect`, `bridge`.
    package var command: String

    /// What an operator reads.
    var sentence: String {
        let time = since.map { " since \(TimeText.write($0))" } ?? ""
        let why = reason.isEmpty ? "" : " (\(HumanText.line(reason)))"
        let source = HumanText.line(source)
        return switch name {
        case "xpu_timer_scrape": "XPU timer metrics of \(source): no usable page\(time)\(why)"
        default: "\(HumanText.line(name)) of \(source)\(time)\(why)"
        }
    }
}
