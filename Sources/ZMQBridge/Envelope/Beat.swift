internal import Diagnosis
private import Foundation

/// What a publisher says of itself every second, and to each consumer that greets it: which envelopes there are.
///
/// Messages of one publisher arrive in order, so a consumer that reads a beat has had everything up to `last`, or lost it.
struct Beat: Hashable {
    struct LaneRange: Hashable, Codable {
        var dataType: String
        /// The oldest (epoch, sequence) that replay can still give; `nil` if it can give none.
        var first: [UInt64]?
        /// The newest (epoch, sequence) that was published.
        var last: [UInt64]

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case first, last
        }
    }

    var lanes: [LaneRange]

    private struct Body: Codable {
        var lanes: [LaneRange]
    }

    /// The body frame: JSON.
    func encode() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        // Strings, numbers and arrays: nothing here can fail to encode.
        return (try? encoder.encode(Body(lanes: lanes))).map(Array.init) ?? []
    }

    init(lanes: [LaneRange]) {
        self.lanes = lanes
    }

    /// Reads a body frame; `nil` if it is none.
    init?(_ body: some Sequence<UInt8>) {
        guard let decoded = try? JSONDecoder().decode(Body.self, from: Data(body)),
            decoded.lanes.allSatisfy({ Self.isPosition($0.last) && $0.first.map(Self.isPosition) ?? true })
        else { return nil }
        lanes = decoded.lanes
    }

    /// No publisher ever comes to the last number there is, so a consumer may count on from every other.
    private static func isPosition(_ numbers: [UInt64]) -> Bool {
        numbers.count == 2 && numbers.allSatisfy { $0 < .max }
    }
}
