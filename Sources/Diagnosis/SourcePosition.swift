/// Where in its source a collector has got to: stored with the metrics that it goes with, so that both survive or neither.
///
/// Only the collector that made it understands `bytes`.
public struct SourcePosition: Hashable, Sendable {
    /// Names the source, for example `log:/var/log/train.log`. One publisher holds one position for each key.
    public var key: String
    public var bytes: [UInt8]

    public init(key: String, bytes: [UInt8]) {
        self.key = key
        self.bytes = bytes
    }
}
