import Diagnosis

/// The encoded resources and scopes of a batch's envelopes, most of which have the same.
struct KnownOrigins {
    struct Place {
        /// `resource` as the field of `ResourceLogs`.
        let resource: [UInt8]
        /// `scope` as the field of `ScopeLogs`.
        let scope: [UInt8]
    }

    private struct Key: Hashable {
        let nodeID: Int
        /// Of the origin's JSON, what stands around its numbers.
        let head: ArraySlice<UInt8>
        let tail: ArraySlice<UInt8>
    }

    /// More files than a batch has origins of are met again seldom.
    private static let most = 256

    private var places: [Key: Place] = [:]
    private var last: (key: Key, place: Place)?

    mutating func place(
        of entry: EnvelopeBatch.Entry, in batch: EnvelopeBatch, nodeID: Int, of logs: OTLPLogs
    ) -> Place {
        let key = Self.key(of: batch.originBytes(of: entry), nodeID: nodeID)
        if let last, last.key == key { return last.place }
        let place = places[key] ?? Self.make(of: entry, in: batch, nodeID: nodeID, logs)
        if places.count == Self.most { places = [:] }
        places[key] = place
        last = (key, place)
        return place
    }

    private static func make(
        of entry: EnvelopeBatch.Entry, in batch: EnvelopeBatch, nodeID: Int, _ logs: OTLPLogs
    ) -> Place {
        let resource = OTLPAttributes.resource(
            of: batch, nodeID: nodeID, job: logs.job, hostName: logs.hostName, withEpoch: true)
        let scope = OTLPAttributes.scope(of: batch.lane.dataType, origin: batch.origin(of: entry))
        return Place(
            resource: ProtobufWriter.field(1, resource.wireBytes), scope: ProtobufWriter.field(1, scope.wireBytes))
    }

    /// An origin differs from that of the lines before it in offsets and times alone, which stand between its path and its other words
    /// (`MetricOrigin.json`).
    private static func key(of origin: ArraySlice<UInt8>, nodeID: Int) -> Key {
        guard let offsets = origin.firstRange(of: #", "first_offset": "#.utf8) else {
            return Key(nodeID: nodeID, head: origin, tail: [])
        }
        let rest = origin[offsets.upperBound...]
        let words = [#", "run": "#, #", "attempt": "#, #", "local_rank": "#, #", "stream"#]
        let tail = words.compactMap { rest.firstRange(of: $0.utf8)?.lowerBound }.min() ?? rest.endIndex
        return Key(nodeID: nodeID, head: origin[..<offsets.lowerBound], tail: rest[tail...])
    }
}
