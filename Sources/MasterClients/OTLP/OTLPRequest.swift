import NIOCore

/// One call's message, and what it carries.
struct OTLPRequest {
    /// An `ExportLogsServiceRequest` or `ExportMetricsServiceRequest`.
    var message: ByteBuffer
    let signal: OTLPSignal
    /// How many log records, or data points of metrics.
    var records: Int
    /// How many envelopes it has something of, from the first that no earlier request has finished.
    var touched: Int
    /// How many of these are finished once it is accepted.
    var finished: Int
    /// Those that are not sent at all, with their places in the batch.
    var skipped: [(index: Int, rule: String, reason: String)] = []
    /// What was changed of those that are finished.
    var changed: [String: UInt64] = [:]
}

/// Puts encoded log records together into requests of a bounded size. Records of the same origin that follow each other share what is said of it.
struct OTLPLogRequestBuilder {
    private struct Scope {
        var resource: [UInt8]
        /// The encoded field of `ScopeLogs`.
        var scope: [UInt8]
        var records = ByteBuffer()
    }

    /// What tags and lengths around a scope's records take at most.
    private static let frameBytes = 32

    private let limit: Int
    private var scopes: [Scope] = []
    private var size = 0
    private var current = OTLPRequest(message: ByteBuffer(), signal: .logs, records: 0, touched: 0, finished: 0)
    private(set) var requests: [OTLPRequest] = []

    /// - Parameter limit: the most bytes of a request; a record that is longer by itself goes alone.
    init(limit: Int) {
        self.limit = limit
    }

    /// How much of a limit is left for one record beside these.
    static func room(in limit: Int, resource: [UInt8], scope: [UInt8]) -> Int {
        limit - resource.count - scope.count - frameBytes
    }

    /// Begins an envelope: what is appended next is of it.
    mutating func beginEnvelope() {
        current.touched += 1
    }

    /// Ends the envelope.
    mutating func endEnvelope(changed: [String: UInt64]) {
        current.finished += 1
        current.changed.merge(changed, uniquingKeysWith: +)
    }

    /// Appends a record of the envelope.
    ///
    /// - Parameters:
    ///   - resource: the encoded field of `ResourceLogs`.
    ///   - scope: the encoded field of `ScopeLogs`.
    ///   - largest: how many bytes `write` appends at most.
    mutating func append(
        resource: [UInt8], scope: [UInt8], largest: Int, write: (inout ByteBuffer) -> Void
    ) {
        var isOther = scopes.last.map { $0.scope != scope || $0.resource != resource } ?? true
        var cost = largest + (isOther ? resource.count + scope.count + Self.frameBytes : 0)
        if size + cost > limit, current.records > 0 {
            // The envelope goes on in the next request.
            close()
            current.touched = 1
            isOther = true
            cost = largest + resource.count + scope.count + Self.frameBytes
        }
        if isOther { scopes.append(Scope(resource: resource, scope: scope)) }
        let last = scopes.count - 1
        let before = scopes[last].records.readableBytes
        write(&scopes[last].records)
        size += cost - largest + scopes[last].records.readableBytes - before
        current.records += 1
    }

    /// All requests, the last one included.
    mutating func finish() -> [OTLPRequest] {
        if current.touched > 0 { close() }
        return requests
    }

    private mutating func close() {
        current.message = message()
        requests.append(current)
        scopes = []
        size = 0
        current = OTLPRequest(message: ByteBuffer(), signal: .logs, records: 0, touched: 0, finished: 0)
    }

    /// `ExportLogsServiceRequest`: resource_logs = 1; `ResourceLogs`: resource = 1, scope_logs = 2; `ScopeLogs`: scope = 1, log_records = 2.
    private func message() -> ByteBuffer {
        var message = ByteBufferAllocator().buffer(capacity: size + Self.frameBytes)
        var index = 0
        while index < scopes.count {
            let resource = scopes[index].resource
            let shared = scopes[index...].prefix { $0.resource == resource }
            let lengths = shared.map { $0.scope.count + $0.records.readableBytes }
            let heads = lengths.map { ProtobufWriter.fieldHead(2, length: $0) }
            let length = resource.count + lengths.reduce(0, +) + heads.reduce(0) { $0 + $1.count }
            message.writeBytes(ProtobufWriter.fieldHead(1, length: length))
            message.writeBytes(resource)
            for (scope, head) in zip(shared, heads) {
                message.writeBytes(head)
                message.writeBytes(scope.scope)
                message.writeImmutableBuffer(scope.records)
            }
            index += shared.count
        }
        return message
    }
}
