public import ZMQBridge

/// A publisher's status for programs: what it says of itself, and `alarms`, `findings`, `finding_counts`.
public struct StatusReport: Encodable {
    private enum CodingKeys: String, CodingKey {
        case alarms, findings
        case findingCounts = "finding_counts"
    }

    public let status: PublisherStatus
    public let telemetry: TelemetryFolder

    public init(_ status: PublisherStatus, telemetry: TelemetryFolder) {
        self.status = status
        self.telemetry = telemetry
    }

    public func encode(to encoder: any Encoder) throws {
        try status.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(telemetry.alarms, forKey: .alarms)
        try container.encode(telemetry.findings, forKey: .findings)
        try container.encode(telemetry.findingCounts, forKey: .findingCounts)
    }
}
