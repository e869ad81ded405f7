import NIOCore

/// The master's answer to a report. It follows `dlrover/proto/elastic_training.proto`:
///
///     message Response { bool success = 1; string reason = 2; }
struct ElasticResponse: Hashable, Sendable {
    var success = false
    /// Never set by DLRover up to 0.7.
    var reason = ""

    init(decoding message: ByteBuffer) throws(ProtoError) {
        var rest = message
        while let field = try ProtoWire.takeField(&rest) {
            switch field {
            case .varint(number: 1, let value): success = value != 0
            case .bytes(number: 2, let value): reason = String(buffer: value)
            default: break
            }
        }
    }
}
