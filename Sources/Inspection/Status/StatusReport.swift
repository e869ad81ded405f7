internal import Delivery
internal import Diagnosis
private import Foundation
internal import SystemSupport
package import ZMQBridge

/// A publisher's status for programs: what it says of itself, and `alarms`, `findings`, `finding_counts`.
package struct StatusReport: Encodable {
    private enum CodingKeys: String, CodingKey {
        case alarms, findings
        case findingCounts = "finding_counts"
    }

    package let status: PublisherStatus
    package let telemetry: TelemetryFolder

    package init(_ status: PublisherStatus, telemetry: TelemetryFolder) {
        self.status = status
        self.telemetry = telemetry
    }

    package func encode(to encoder: any Encoder) throws {
        try status.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(telemetry.alarms, forKey: .alarms)
        try container.encode(telemetry.findings, forKey: .findings)
        try container.encode(telemetry.findingCounts, forKey: .findingCounts)
    }
}

extension PublisherStatus {
    /// What the publisher says of itself, or what its files and those of its consumers say when none runs.
    ///
    /// - Parameter consumerDirectory: where the masters' cursors and ledgers are. It need not exist.
    /// - Throws: `InspectionError` if a publisher runs and does not answer; otherwise what prevents reading its files.
    package static func current(
        of directory: StateDirectory, consumers consumerDirectory: String
    ) async throws -> PublisherStatus {
        let inspection = PublisherInspection(directory)
        do {
            guard let publisher = try inspection.publisher() else {
                throw InspectionError(.notThere, "no publisher has ever used the state directory \(directory.path)")
            }
            let accounts = try readings(consumerDirectory).compactMap { reading -> ConsumerAccount? in
                guard case .accounts(let accounts) = reading.content else { return nil }
                return accounts[publisher]
            }
            return try await inspection.readFiles(accounts: accounts)
        } catch StateDirectoryError.inUse(_, let holder) {
            guard let status = try await inspection.ask() else {
                throw InspectionError(
                    .unreadable, "the publisher of \(directory.path), \(holder), does not answer")
            }
            return status
        }
    }

    private static func readings(_ directory: String) throws -> [ConsumerReading] {
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        return try ConsumerStore.readings(inDirectory: directory)
    }
}

/// What a consumer says of a lane beside what the publisher says of the same.
struct ConsumerStanding {
    var dataType: DiagnosisDataType
    /// `nil`: the consumer has no account of it yet.
    var account: ConsumerAccount.Lane?
    /// `nil`: the publisher doesn't know the lane.
    var standing: PublisherStatus.ConsumerLane?

    var skipped: UInt64 { account?.skipped?.total ?? 0 }
    var lost: UInt64 { account?.lost?.total ?? 0 }
    var pending: UInt64 { standing?.pending ?? 0 }
    var unnoticed: UInt64 { standing?.unnoticed.total ?? 0 }
}

extension PublisherStatus.Consumer {
    /// Every lane that either side speaks of, in the order of the names.
    var standings: [ConsumerStanding] {
        var all: [String: ConsumerStanding] = [:]
        for lane in account.lanes {
            all[lane.dataType.rawValue, default: ConsumerStanding(dataType: lane.dataType)].account = lane
        }
        for lane in lanes {
            all[lane.dataType.rawValue, default: ConsumerStanding(dataType: lane.dataType)].standing = lane
        }
        return all.sorted { $0.key < $1.key }.map(\.value)
    }
}

/// What the text of a status looks for in `ConsumerAccount.state`; everything else there is shown under its own name.
package enum ConsumerStateKey {
    /// `closed`, `open` or `half-open`, and whatever else is worth saying.
    package static let breaker = "breaker"
    package static let lastError = "last_error"
    /// A UTC time (RFC 3339), or seconds since 1970.
    package static let lastErrorTime = "last_error_time"
}

/// Something that a process of ours says needs an operator: the gauge `arobust_alarm` with the value 1.
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
        case "xpu_timer_scrape": "XPU timer metrics of \(source): no page of use\(time)\(why)"
        default: "\(HumanText.line(name)) of \(source)\(time)\(why)"
        }
    }
}
