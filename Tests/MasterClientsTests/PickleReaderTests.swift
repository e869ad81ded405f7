import Foundation
import NIOCore
import TestSupport
import Testing

@testable import MasterClients

@Suite struct PickleReaderTests {
    @Test func `the manifest lists all fixtures`() {
        #expect(Fixture.all.count == 79)
        #expect(Fixture.all.allSatisfy { !$0.bytes.isEmpty })
    }

    @Test(arguments: Fixture.all) func `reads what DLRover writes`(_ fixture: Fixture) throws {
        let expected = try JSONSerialization.jsonObject(with: fixture.fields, options: .fragmentsAllowed)
        let value = try PickleReader.read(fixture.bytes[...])
        #expect(Self.matches(value, expected), "\(value)")
    }

    @Test func `reads the data within an answer`() throws {
        let answer = try BaseResponse(pickle: Fixture.bytes("v061_BaseResponse_get_heartbeat.bin")[...])
        #expect(!answer.success)
        guard case .object(let heartbeat) = try PickleReader.read(answer.data[...]) else {
            Issue.record("no object")
            return
        }
        #expect(heartbeat.type == .heartbeatResponse)
    }

    @Test(arguments: [("v061_BaseResponse_ok.bin", true), ("v061_BaseResponse_fail.bin", false)])
    func `reads whether a report was taken`(_ file: String, _ success: Bool) throws {
        #expect(try BaseResponse(pickle: Fixture.bytes(file)[...]) == BaseResponse(success: success, data: []))
        // What we answer to DLRover's HTTP clients are Python's own bytes.
        #expect(Array(buffer: BaseResponse(success: success, data: []).pickle) == Fixture.bytes(file))
    }

    @Test(arguments: [1, 255, 256, 65535, 65536, 1_000_000]) func `an answer of ours is read back`(_ size: Int) throws {
        let answer = BaseResponse(success: false, data: (0..<size).map { UInt8(truncatingIfNeeded: $0) })
        #expect(try BaseResponse(pickle: Array(buffer: answer.pickle)[...]) == answer)
    }

    @Test func `an answer with data has Python's own bytes`() throws {
        let bytes = Fixture.bytes("v061_BaseResponse_get_heartbeat.bin")
        #expect(Array(buffer: try BaseResponse(pickle: bytes[...]).pickle) == bytes)
    }

    @Test(arguments: [
        ("cos\nsystem\n(X\u{2}\0\0\0idtR.", 11, "os.system is not allowed"),
        ("cdlrover.python.common.comm\nos.system\n.", 38, "not allowed"),
        ("cbuiltins\neval\n.", 15, "not allowed"),
        ("N", 1, "ends too early"),
        (".", 0, "stack is empty"),
        ("NN.", 2, "left over"),
        ("NN.N", 2, "left over"),
        ("N.N", 2, "bytes follow"),
        ("(N.", 2, "left over"),
        ("(0.", 1, "opcode 0x30 is not allowed"),
        ("h\u{7}.", 1, "no entry 7"),
        ("]Nb.", 2, "expected an object"),
        ("}(Nu.", 3, "in pairs"),
        ("cdlrover.python.common.comm\nHeartBeat\n.", 39, "a class is no value"),
        ("X\u{5}\0\0\0ab.", 5, "ends too early"),
    ])
    func `refuses what it should not run`(_ pickle: String, _ offset: Int, _ reason: String) {
        do throws(PickleError) {
            let value = try PickleReader.read(Array(pickle.utf8)[...])
            Issue.record("it was read: \(value)")
        } catch {
            #expect(error.reason.contains(reason), "\(error)")
            #expect(error.offset == offset, "\(error)")
        }
    }

    @Test func `a list that holds itself is refused`() {
        #expect(throws: PickleError.self) { try PickleReader.read([0x5D, 0x94, 0x68, 0, 0x61, 0x2E]) }
    }

    @Test func `repeated doubling is refused, not followed`() {
        // A list of twice a list of twice a list …
        var pickle: [UInt8] = [0x5D, 0x94]
        for level in 0..<30 { pickle += [0x5D, 0x94, 0x28, 0x68, UInt8(level), 0x68, UInt8(level), 0x65] }
        pickle += Array(repeating: [0x85], count: 0).joined()
        pickle = [0x28] + pickle + [0x74, 0x2E]
        #expect(throws: PickleError.self) { try PickleReader.read(pickle[...]) }
    }

    @Test func `too many values are refused`() {
        let pickle = [UInt8](repeating: UInt8(ascii: "N"), count: 70000)
        #expect(throws: PickleError.self) { try PickleReader.read(pickle[...]) }
    }

    @Test(arguments: Fixture.all) func `any truncation is an error`(_ fixture: Fixture) {
        let bytes = fixture.bytes
        // The one large fixture is mostly one text.
        let step = bytes.count > 10_000 ? 101 : 1
        for length in stride(from: 0, to: bytes.count, by: step) {
            #expect(throws: PickleError.self) { try PickleReader.read(bytes[..<length]) }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `no mutation crashes it`() {
        var random = SeededGenerator(seed: 20_260_101)
        let fixtures = Fixture.all.map(\.bytes).filter { $0.count < 10_000 }
        var read = 0
        for _ in 0..<20_000 {
            var bytes = fixtures[Int.random(in: 0..<fixtures.count, using: &random)]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = .random(in: .min ... .max, using: &random)
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: bytes.insert(.random(in: .min ... .max, using: &random), at: place)
                default: bytes.replaceSubrange(place..<min(place + 9, bytes.count), with: bytes.prefix(20))
                }
            }
            if (try? PickleReader.read(bytes[...])) != nil { read += 1 }
        }
        #expect(read > 0, "mutations within texts are read")
    }

    private static func matches(_ value: PickleValue, _ expected: Any) -> Bool {
        switch (value, expected) {
        case (.none, is NSNull): return true
        case (.bool(let bool), let expected as Bool): return bool == expected
        case (.int(let int), let expected as Int): return int == expected
        case (.float(let float), let expected as Double): return float == expected
        case (.string(let text), let expected as String): return text == expected
        case (.string(let text), let expected as [String: Any]):
            return text.unicodeScalars.count == expected["__text_len__"] as? Int
        case (.bytes(let bytes), let expected as [String: Any]):
            return hex(bytes) == expected["__bytes_hex__"] as? String
        case (.list(let items), let expected as [Any]):
            return items.count == expected.count && zip(items, expected).allSatisfy(matches)
        case (.dictionary(let pairs), let expected as [String: Any]):
            return pairs.count == expected.count
                && pairs.allSatisfy { pair in
                    guard case .string(let key) = pair.key, let value = expected[key] else { return false }
                    return matches(pair.value, value)
                }
        case (.object(let object), var expected as [String: Any]):
            guard expected.removeValue(forKey: "__class__") as? String == object.type.rawValue else { return false }
            // A message that sets no attribute has its class's defaults.
            return object.fields.allSatisfy { name, value in expected[name].map { matches(value, $0) } ?? false }
        default: return false
        }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String(format: "%02x", $0) }.joined()
    }
}
