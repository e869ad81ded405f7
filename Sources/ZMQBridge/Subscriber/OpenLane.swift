private import Glibc
internal import Diagnosis

/// A lane that a connection reads. Used on the subscriber's thread only.
final class OpenLane {
    var stream: LaneStream
    /// How many bytes the receiver still takes in a round.
    var room: (round: UInt64, bytes: Int) = (0, 0)

    init(_ lane: Lane, start: StreamStart) {
        stream = LaneStream(lane, start: start)
    }
}

/// A topic that has come before, and its lane, so that no name is looked up for each envelope.
final class KnownTopic {
    let topic: Topic
    /// Set once the lane is read.
    var lane: OpenLane?
    private let bytes: [UInt8]

    init(_ topic: Topic, bytes: [UInt8]) {
        self.topic = topic
        self.bytes = bytes
    }

    func isMade(of frame: UnsafeRawBufferPointer) -> Bool {
        frame.count == bytes.count
            && bytes.withUnsafeBytes { memcmp($0.baseAddress!, frame.baseAddress!, frame.count) } == 0
    }
}
