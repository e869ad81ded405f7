import Diagnosis
import OTLPMessages
import SwiftProtobuf

typealias OTLPKeyValue = Opentelemetry_Proto_Common_V1_KeyValue

/// What says of data where it comes from: the attributes of OTLP's resources and scopes.
///
/// Names are those of OpenTelemetry's semantic conventions where these have one, and else begin with `arobust.`.
enum OTLPAttributes {
    /// What the scope of all that is sent is called.
    static let scopeName = "arobust"

    /// The node, and the publisher's run. Metrics leave the run out: with it, each start of the agent would begin new series.
    static func resource(
        of batch: EnvelopeBatch, nodeID: Int, job: String, hostName: String?, withEpoch: Bool
    ) -> Opentelemetry_Proto_Resource_V1_Resource {
        var attributes = [
            text("service.name", "arobust"), text("service.version", ProductVersion.text),
            text("service.instance.id", batch.lane.publisher.description),
        ]
        if !job.isEmpty { attributes.append(text("service.namespace", job)) }
        if let hostName, !hostName.isEmpty { attributes.append(text("host.name", hostName)) }
        attributes += [
            text("arobust.node.type", batch.nodeType), number("arobust.node.rank", batch.nodeRank),
            number("arobust.node.id", nodeID), text("arobust.publisher", batch.lane.publisher.description),
        ]
        if withEpoch { attributes.append(number("arobust.epoch", Int(clamping: batch.epoch))) }
        var resource = Opentelemetry_Proto_Resource_V1_Resource()
        resource.attributes = attributes
        return resource
    }

    /// The data type, and where the content came from.
    static func scope(
        of type: DiagnosisDataType, origin: MetricOrigin?
    ) -> Opentelemetry_Proto_Common_V1_InstrumentationScope {
        var attributes = [text("arobust.data_type", type.rawValue)]
        if let origin {
            attributes.append(text("log.file.path", origin.path))
            if let stream = origin.stream { attributes.append(text("log.iostream", stream)) }
            if let run = origin.run { attributes.append(text("arobust.run", run)) }
            if let attempt = origin.attempt { attributes.append(number("arobust.attempt", attempt)) }
            if let rank = origin.localRank { attributes.append(number("arobust.local_rank", rank)) }
        }
        var scope = Opentelemetry_Proto_Common_V1_InstrumentationScope()
        scope.name = scopeName
        scope.version = ProductVersion.text
        scope.attributes = attributes
        return scope
    }

    static func text(_ key: String, _ value: String) -> OTLPKeyValue {
        var pair = OTLPKeyValue()
        pair.key = key
        pair.value.stringValue = value
        return pair
    }

    static func number(_ key: String, _ value: Int) -> OTLPKeyValue {
        var pair = OTLPKeyValue()
        pair.key = key
        pair.value.intValue = Int64(value)
        return pair
    }
}

extension SwiftProtobuf.Message {
    /// The message's bytes. Writing fails only for messages with required fields or of 2 GiB, and there are none of either.
    var wireBytes: [UInt8] { (try? serializedBytes()) ?? [] }
}
