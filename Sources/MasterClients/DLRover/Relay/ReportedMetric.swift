package import NIOCore

/// The diagnosis metric in a DLRover client's `report`: what `report_diagnosis_agent_metrics` sends of a `WorkerTrainingMetric`
/// (`dlrover/python/elastic_agent/master_client.py`).
package struct ReportedMetric: Sendable {
    /// Its JSON, unread. Like DLRover's master we look at nothing else: not at the message's node id and type, not at the pickle's rank.
    package let json: [UInt8]

    /// - Parameter message: an `elastic.Message`.
    /// - Returns: `nil` if it carries anything else, or a pickle that can't be read here.
    package init?(message: ByteBuffer) {
        guard let data = try? ElasticMessage.decode(message).data, data.readableBytes <= PickleLimits().bytes,
            case .object(let object)? = try? PickleReader.read(Array(buffer: data)[...]),
            object.type == .diagnosisReportData, object.string("data_cls") == "WorkerTrainingMetric",
            let content = object.string("data_content")
        else { return nil }
        json = Array(content.utf8)
    }

    /// The answer to a report that was taken, as a DLRover master gives it: an `elastic.Response`.
    package static var success: ByteBuffer { ElasticMessage.response(success: true) }
}
