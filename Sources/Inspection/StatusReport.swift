public import ZMQBridge

/// A publisher's status for programs: what it says of itself, and `alarms`.
public struct StatusReport: Encodable {
    private enum CodingKeys: String, CodingKey { case alarms }

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
    }
}
