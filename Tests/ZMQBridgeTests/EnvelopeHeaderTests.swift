import Diagnosis
import Testing

@testable import ZMQBridge

@Suite struct EnvelopeHeaderTests {
    private let header = EnvelopeHeader(
        flags: 1, publisher: PublisherID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10), epoch: 0x1122,
        sequence: 0x33, collectionTime: -2, publishTime: 0x44)

    private func bytes(of header: EnvelopeHeader) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: EnvelopeHeader.size)
        bytes.withUnsafeMutableBytes { header.write(to: $0) }
        return bytes
    }

    @Test func standsAsTheWireFormatSays() {
        let expected: [UInt8] =
            Array("AROB".utf8) + [1, 1, 0, 0] + Array(1...16) + [0, 0, 0, 0, 0, 0, 0x11, 0x22]
            + [0, 0, 0, 0, 0, 0, 0, 0x33] + [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE] + [
                0, 0, 0, 0, 0, 0, 0, 0x44,
            ]
        #expect(bytes(of: header) == expected)
    }

    @Test func readsWhatItWrites() throws {
        #expect(try bytes(of: header).withUnsafeBytes { try EnvelopeHeader(reading: $0) } == header)
    }

    @Test func anExtensionFollowsTheFixedPart() throws {
        var extended = header
        extended.extensionLength = 3
        let frame = bytes(of: extended) + [1, 2, 3]
        #expect(frame[6...7] == [0, 3])
        #expect(try frame.withUnsafeBytes { try EnvelopeHeader(reading: $0) } == extended)
        #expect(throws: EnvelopeHeader.DecodingError.notAHeader) {
            _ = try frame.dropLast().withUnsafeBytes { try EnvelopeHeader(reading: $0) }
        }
    }

    @Test func tellsANewerVersionFromGarbage() {
        var newer = bytes(of: header) + [1, 2, 3]
        newer[4] = 2
        #expect(throws: EnvelopeHeader.DecodingError.newerVersion(2)) {
            _ = try newer.withUnsafeBytes { try EnvelopeHeader(reading: $0) }
        }
        let garbage: [[UInt8]] = [
            [], [1], Array("AROB".utf8), Array(bytes(of: header).dropLast()), bytes(of: header) + [0],
            [UInt8](repeating: 0, count: 56),
        ]
        for bytes in garbage {
            #expect(throws: EnvelopeHeader.DecodingError.notAHeader) {
                _ = try bytes.withUnsafeBytes { try EnvelopeHeader(reading: $0) }
            }
        }
    }

    @Test(arguments: [
        ("TRAINING_LOG/worker/3/", true), ("A/b/-1/", true), ("A/b/3", false), ("A/b/x/", false), ("/b/3/", false),
        ("A/b/3/4/", false), ("$beat/", false), ("", false), ("A//3/", false),
    ])
    func topicsReadOnlyTheirForm(text: String, isTopic: Bool) {
        let topic = Topic(text.utf8)
        #expect((topic != nil) == isTopic)
        if let topic { #expect(String(decoding: topic.bytes, as: UTF8.self) == text) }
    }

    @Test func beatsReadWhatTheyWrite() {
        let beat = Beat(lanes: [
            Beat.LaneRange(
                dataType: .init(rawValue: "A"), first: LanePosition(epoch: 1, sequence: 2),
                last: LanePosition(epoch: 3, sequence: 4)),
            .init(dataType: .init(rawValue: "B"), last: LanePosition(epoch: 3, sequence: 1)),
        ])
        #expect(Beat(beat.encode()) == beat)
        #expect(Beat("{}".utf8) == nil)
        #expect(Beat(#"{"lanes":[{"data_type":"A","last":[1]}]}"#.utf8) == nil)
    }
}
