import Diagnosis
import OTLPMessages
import PlainHTTP
import SwiftProtobuf

/// What a receiver says of a request that it took: `partial_success`.
struct OTLPAnswer: Hashable {
    /// How many log records or data points it has not taken; it does not say which.
    var rejected = 0
    /// Why, or what else it has to say.
    var message = ""

    /// Everything was taken.
    init() {}

    /// - Returns: `nil` if the bytes are no answer to the signal's call.
    init?(protobuf bytes: [UInt8], to signal: OTLPSignal) {
        switch signal {
        case .logs:
            guard
                let answer = try? Opentelemetry_Proto_Collector_Logs_V1_ExportLogsServiceResponse(
                    serializedBytes: bytes)
            else { return nil }
            rejected = Int(clamping: answer.partialSuccess.rejectedLogRecords)
            message = answer.partialSuccess.errorMessage
            guard answer.unknownFields.data.isEmpty else { return nil }
        case .metrics:
            guard
                let answer = try? Opentelemetry_Proto_Collector_Metrics_V1_ExportMetricsServiceResponse(
                    serializedBytes: bytes)
            else { return nil }
            rejected = Int(clamping: answer.partialSuccess.rejectedDataPoints)
            message = answer.partialSuccess.errorMessage
            guard answer.unknownFields.data.isEmpty else { return nil }
        }
    }

    /// Reads the body of an answer with a status of success, which may be nothing at all: some receivers answer with 204.
    init?(_ answer: HTTPAnswer, to signal: OTLPSignal) {
        guard !answer.body.isEmpty else {
            self.init()
            return
        }
        guard answer.contentType?.hasPrefix("application/json") ?? false else {
            self.init(protobuf: answer.body, to: signal)
            return
        }
        guard let json = JSONValue(answer.body), case .object = json else { return nil }
        self.init()
        let key = signal == .logs ? "rejectedLogRecords" : "rejectedDataPoints"
        rejected = json["partialSuccess"]?[key]?.integer ?? 0
        message = json["partialSuccess"]?["errorMessage"]?.string ?? ""
    }
}
