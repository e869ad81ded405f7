/// All envelopes of one publisher and one data type. Sequences count up by one within a lane and epoch, and order is promised there.
public struct Lane: Hashable, Sendable {
    /// Whose envelopes these are.
    public var publisher: PublisherID
    /// The type of all of them.
    public var dataType: DiagnosisDataType

    /// Names a lane.
    public init(publisher: PublisherID, dataType: DiagnosisDataType) {
        self.publisher = publisher
        self.dataType = dataType
    }
}

extension Lane: CustomStringConvertible {
    public var description: String { "\(dataType)@\(publisher)" }
}

/// A place in a lane: an epoch, and a sequence in it. Positions of one lane compare in the order of publishing.
///
/// In JSON `[epoch, sequence]`, as on the wire.
public struct LanePosition: Hashable, Sendable, Comparable {
    /// The publisher's run: seconds since 1970 at its start, or one more than the run before.
    public var epoch: UInt64
    /// From 1 in each epoch; 0 is the place before the first.
    public var sequence: UInt64

    /// Any numbers are a position; sequence 0 is the one before the first envelope of a run.
    public init(epoch: UInt64, sequence: UInt64) {
        self.epoch = epoch
        self.sequence = sequence
    }

    public static func < (left: LanePosition, right: LanePosition) -> Bool {
        (left.epoch, left.sequence) < (right.epoch, right.sequence)
    }
}

extension LanePosition: CustomStringConvertible {
    public var description: String { "\(epoch)/\(sequence)" }
}

extension LanePosition: Codable {
    public init(from decoder: any Decoder) throws {
        var numbers = try decoder.unkeyedContainer()
        self.init(epoch: try numbers.decode(UInt64.self), sequence: try numbers.decode(UInt64.self))
        // No publisher ever comes to the last number there is, so a consumer may count on from every other.
        guard numbers.isAtEnd, epoch < .max, sequence < .max else {
            throw DecodingError.dataCorruptedError(in: numbers, debugDescription: "a position is [epoch, sequence]")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var numbers = encoder.unkeyedContainer()
        try numbers.encode(epoch)
        try numbers.encode(sequence)
    }
}

/// The 16 bytes that name a publisher for as long as its state directory lives. Random, written like a UUID.
public struct PublisherID: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    /// A new, random id.
    public init() {
        high = .random(in: .min ... .max)
        low = .random(in: .min ... .max)
    }

    /// An id of these bits; `high` has those of the first half of its text.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the form that `description` writes.
    public init?(_ text: String) {
        let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
        guard digits.count == 32, text.utf8.count == 36,
            let high = UInt64(String(decoding: digits.prefix(16), as: UTF8.self), radix: 16),
            let low = UInt64(String(decoding: digits.suffix(16), as: UTF8.self), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }

    /// The two halves, most significant first: as on the wire, big-endian.
    public var words: (high: UInt64, low: UInt64) { (high, low) }
}

extension PublisherID: CustomStringConvertible {
    public var description: String {
        func hex(_ value: UInt64, digits: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
        }
        return [
            hex(high >> 32, digits: 8), hex(high >> 16 & 0xFFFF, digits: 4), hex(high & 0xFFFF, digits: 4),
            hex(low >> 48, digits: 4), hex(low & 0xFFFF_FFFF_FFFF, digits: 12),
        ].joined(separator: "-")
    }
}

/// The rule for the words that a bus topic is made of: data types and node types.
package enum TopicWord {
    /// What a valid word is, for error texts.
    package static let rule = "1 to 64 of the characters A-Z a-z 0-9 _ . -"

    /// Whether `word` follows the rule. Anything else could be mistaken for the topic's `/` or a control message's `$`.
    package static func isValid(_ word: String) -> Bool {
        let bytes = word.utf8
        return (1...64).contains(bytes.count) && bytes.allSatisfy(isValid(byte:))
    }

    private static func isValid(byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default:
            false
        }
    }
}
