import Foundation
@testable import Hang
import TestSupport
import Testing

@Suite struct PlainPickleTests {
    @Test func readsWhatPyTorchWrites() throws {
        let dump = try HangFixtures.dump("late", 1)
        #expect(dump.version == "2.10")
        #expect(dump.groups == [.init(name: "", description: "", ranks: [0, 1, 2])])
        #expect(dump.status[0] == .init(lastEnqueued: 3, lastStarted: -1, lastCompleted: 3))
        #expect(dump.entries.map(\.collectiveSequence) == [1, 2, 3])
        let last = try #require(dump.entries.last)
        #expect((last.groupName, last.groupDescription) == ("0", "default_pg"))
        #expect(last.operation == "all_reduce")
        #expect(last.inputSizes == "[[1024]]")
        #expect(last.callSite == "v.py:10")
        #expect(last.isDone)
    }

    @Test func theWorkerServersJSONSaysTheSame() throws {
        for rank in 0..<3 {
            let json = try FlightRecorderReader.dump(
                of: HangFixtures.bytes("flight-recorder/mismatch/rank_\(rank).json"))
            let pickle = try HangFixtures.dump("mismatch", rank)
            #expect(json.status == pickle.status)
            #expect(json.groups == pickle.groups)
            #expect(json.entries.map(\.operation) == pickle.entries.map(\.operation))
            #expect(json.entries.map(\.isDone) == pickle.entries.map(\.isDone))
            #expect(json.entries.map(\.inputSizes) == pickle.entries.map(\.inputSizes))
        }
    }

    @Test(arguments: [
        ("cos\nsystem\n(S'id'\ntR.", "GLOBAL"), ("\u{8C}\u{2}os\u{8C}\u{6}system\u{93}.", "GLOBAL"),
        ("(U\u{4}evil)o.", "REDUCE"), ("}b.", "BUILD"), ("U\u{1}xQ.", "PERSID"), ("\u{82}\u{1}.", "EXT"),
        ("]q\u{0}h\u{0}a.", "contains itself"), ("}q\u{0}K\u{1}h\u{0}s.", "contains itself"),
        ("h\u{7}.", "not remembered"),
        ("NN.", "one value"), (".", "one value"), ("(.", "one value"), ("a.", "missing"), ("]e.", "mark is missing"),
        ("K\u{1}K\u{2}a.", "no list"), ("}(NK\u{1}u.", "neither text nor a number"), ("}(K\u{1}u.", "no dictionary"),
        ("\u{8A}\u{9}123456789.", "64 bits"), ("X\u{FF}\u{FF}\u{FF}\u{7F}abc.", "middle"), ("?", "no opcode"),
        ("", "middle"),
    ])
    func refusesWhatIsNoPlainData(_ text: String, _ reason: String) {
        // Each scalar is one byte.
        let bytes: [UInt8] = [0x80, 2] + text.unicodeScalars.map { UInt8($0.value) }
        let error = #expect(throws: PlainPickleError.self) { try value(bytes) }
        #expect(error?.description.contains(reason) == true, "\(text.debugDescription): \(String(describing: error))")
    }

    @Test func depthValuesAndMemoAreBounded() {
        let deep =
            [0x80, 2] + [UInt8](repeating: UInt8(ascii: "]"), count: 100)
            + [UInt8](repeating: UInt8(ascii: "a"), count: 99)
        #expect(throws: PlainPickleError.self) { try value(deep + [UInt8(ascii: ".")]) }
        var limits = PlainPickle.Limits()
        limits.values = 1000
        limits.memo = 10
        let many = [0x80, 2] + [UInt8](repeating: UInt8(ascii: "N"), count: 2000)
        #expect(throws: PlainPickleError.self) { try value(many, limits) }
        let remembered: [UInt8] = [0x80, 2, UInt8(ascii: "N")] + (UInt8(0)..<20).flatMap { [UInt8(ascii: "q"), $0] }
        #expect(throws: PlainPickleError.self) { try value(remembered, limits) }
    }

    /// A value that is remembered and repeated costs nothing until somebody goes through it, and the depth ends that.
    @Test func aBillionLaughsAreNotTold() {
        var bytes: [UInt8] = [0x80, 2, UInt8(ascii: "]"), UInt8(ascii: "N"), UInt8(ascii: "a"), UInt8(ascii: "q"), 0]
        for level: UInt8 in 0..<40 {
            bytes += [UInt8(ascii: "]"), UInt8(ascii: "(")]
            for _ in 0..<10 { bytes += [UInt8(ascii: "h"), level] }
            bytes += [UInt8(ascii: "e"), 0x85, UInt8(ascii: "q"), level + 1]
        }
        #expect(throws: PlainPickleError.self) { try value(bytes + [UInt8(ascii: ".")]) }
    }

    @Test func everyPrefixAndManyDamagedDumpsAreErrorsOrDumps() throws {
        let whole = try HangFixtures.bytes("flight-recorder/subgroup/rank_2")
        for length in stride(from: 0, to: whole.count - 1, by: 11) {
            #expect(throws: FlightRecorderError.self) { try FlightRecorderReader.dump(of: Array(whole[..<length])) }
        }
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<600 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            let dump = try? FlightRecorderReader.dump(of: bytes)
            if let dump { _ = CollectiveAnalysis(CollectiveSummary(dump, rank: 2)) }
        }
    }

    private func value(_ bytes: [UInt8], _ limits: PlainPickle.Limits = .init()) throws -> PlainValue {
        try bytes.withUnsafeBytes { try PlainPickle.value(of: $0, limits: limits) }
    }
}
