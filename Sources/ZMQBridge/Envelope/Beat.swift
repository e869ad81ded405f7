internal import Diagnosis

/// What a publisher sends every second, and to each consumer that greets it: which envelopes there are.
///
/// Messages of one publisher arrive in order, so a consumer that reads a beat has had everything up to `last`, or lost it.
struct Beat: Hashable, Codable {
    struct LaneRange: Hashable, Codable {
        var dataType: DiagnosisDataType
        /// The oldest that replay can still give; `nil` if it can give none.
        var first: LanePosition?
        /// The newest that was published.
        var last: LanePosition

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case first, last
        }
    }

    var lanes: [LaneRange]

    init(lanes: [LaneRange]) {
        self.lanes = lanes
    }

    /// The body frame: JSON.
    func encode() -> [UInt8] {
        ControlJSON.encode(self)
    }

    /// Reads a body frame; `nil` if it is none.
    init?(_ body: some Sequence<UInt8>) {
        guard let beat = try? ControlJSON.decode(Beat.self, body) else { return nil }
        self = beat
    }
}

/// How often a publisher beats, and what everybody who waits for a beat derives from it.
package enum BeatInterval {
    package static let standard: Duration = .seconds(1)
    /// How long to wait for the next beat of a publisher that is alive: half an interval more, for a machine that is busy.
    package static let longestWait: Duration = standard * 3 / 2
    /// After how long without any message a publisher counts as silent: two beats in a row are missing by then.
    package static let silence: Duration = standard * 3
}
