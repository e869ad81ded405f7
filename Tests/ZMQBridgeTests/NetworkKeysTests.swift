import Foundation
import Glibc
import Testing
import TestSupport

@testable import ZMQBridge

/// Keys, their files, and what libzmq asks and is told about them.
@Suite struct NetworkKeysTests {
    /// The pair of the ZeroMQ guide's examples, which libzmq's own tests use.
    private static let publicText = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
    private static let secretText = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"

    private func pair() throws -> CurveKeyPair {
        let (publicKey, secretKey) = (CurveKey(Self.publicText), CurveKey(Self.secretText))
        return try #require(
            publicKey.flatMap { first in secretKey.flatMap { CurveKeyPair(publicKey: first, secretKey: $0) } })
    }

    @Test func aKeyIsReadAndWritten() throws {
        let key = try #require(CurveKey(Self.publicText))
        #expect(key.bytes.count == 32 && CurveKey(bytes: key.bytes) == key && key.text == Self.publicText)
        #expect(CurveKey(bytes: Array(key.bytes.dropLast())) == nil)
        let made = try CurveKeyPair()
        #expect(CurveKeyPair(publicKey: made.publicKey, secretKey: made.secretKey) == made)
        #expect(try CurveKeyPair(publicKey: made.publicKey, secretKey: pair().secretKey) == nil)
    }

    @Test(arguments: [
        "", "short", String(repeating: "a", count: 39), String(repeating: "a", count: 41),
        String(repeating: "a", count: 39) + "~", String(repeating: "a", count: 38) + "ä",
        String(repeating: " ", count: 40),
    ])
    func whatIsNoKeyIsRefused(text: String) {
        #expect(CurveKey(text) == nil)
    }

    @Test func filesAreWrittenOnceAndReadBack() throws {
        let scratch = ScratchFolder()
        let name = scratch.path + "/node"
        try CurveKeyFile.write(pair(), name: name, made: "Made for a test")
        #expect(try CurveKeyFile(path: name + ".key_secret").readPair() == pair())
        #expect(try CurveKeyFile(path: name + ".key").readPublicKey() == pair().publicKey)
        #expect(throws: CurveError.self) { try CurveKeyFile(path: name + ".key").readPair() }
        #expect(throws: CurveError.self) { try CurveKeyFile.write(CurveKeyPair(), name: name, made: "again") }
        #expect(try CurveKeyFile(path: name + ".key_secret").readPair() == pair())
        // If the second of them is in the way, the first does not stay.
        unlink(name + ".key_secret")
        #expect(throws: CurveError.self) { try CurveKeyFile.write(CurveKeyPair(), name: name, made: "again") }
        #expect(!FileManager.default.fileExists(atPath: name + ".key_secret"))
    }

    @Test func aSecretThatOthersMayReadIsRefused() throws {
        let scratch = ScratchFolder()
        try CurveKeyFile.write(pair(), name: scratch.path + "/node", made: "Made for a test")
        chmod(scratch.path + "/node.key_secret", 0o640)
        #expect { try CurveKeyFile(path: scratch.path + "/node.key_secret").readPair() } throws: { error in
            "\(error)".contains("chmod it to 600") && !"\(error)".contains(Self.secretText)
        }
    }

    @Test func pyzmqsFormIsRead() {
        let text = """
            #   ****  Generated on 2026-11-30 by pyzmq  ****
            metadata
                name = "x = y"
            curve
                public-key = "\(Self.publicText)"
                secret-key = "\(Self.secretText)"
            """
        let keys = CurveKeyFile.keys(in: text)
        #expect(keys.publicKey?.text == Self.publicText && keys.secretKey?.text == Self.secretText)
        #expect(CurveKeyFile.keys(in: "public-key = \"nonsense\"\n=\n").publicKey == nil)
    }

    @Test func authorizedKeysAreReadLineByLine() throws {
        let other = try CurveKeyPair().publicKey.text
        let text = """
            # Who may read the bus.
            #
            \(Self.publicText) bridge-7 on the other side\r

            \t\(other)\tconsole
            \(Self.publicText) again
            \(other)
            \(other) na/me
            #\(other.dropFirst(2)) short
            """
        let keys = AuthorizedKeys(reading: text, path: "/keys")
        #expect(keys.names.map(\.value).sorted() == ["bridge-7", "console"])
        #expect(keys.faults.map { $0.prefix { $0 != ":" } } == [6, 7, 8, 9].map { "/keys, line \($0)" })
        #expect(keys.faults[0].contains("again"))
        #expect(AuthorizedKeys().hasRevoked(since: keys) && !keys.hasRevoked(since: AuthorizedKeys()))
    }

    @Test func thereIsABoundForKeys() throws {
        var lines = ""
        for number in 0...AuthorizedKeys.mostKeys {
            let bytes = (0..<32).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 2))) ^ UInt8($0) }
            let key = try #require(CurveKey(bytes: bytes))
            lines += "\(key.text) name-\(number)\n"
        }
        let keys = AuthorizedKeys(reading: lines, path: "/keys")
        #expect(keys.names.count == AuthorizedKeys.mostKeys && keys.faults.count == 1)
    }

    private func question(_ frames: [String], key: [UInt8]? = nil) -> [[UInt8]] {
        frames.map { Array($0.utf8) } + (key.map { [$0] } ?? [])
    }

    @Test func aQuestionIsReadAndAnswered() throws {
        let key = try pair().publicKey
        let frames = question(["peer", "", "1.0", "7", "arobust", "192.0.2.7", "", "CURVE"], key: key.bytes)
        let request = try #require(ZAPRequest(frames))
        #expect(request.key == key && request.address == "192.0.2.7" && request.id == Array("7".utf8))
        #expect(
            ZAPAnswer.welcome(name: "bridge").frames(for: request)
                == question(["peer", "", "1.0", "7", "200", "OK", "bridge", ""]))
        #expect(
            ZAPAnswer.refused("no").frames(for: request) == question(["peer", "", "1.0", "7", "400", "no", "", ""]))
    }

    @Test func aQuestionOfAnotherShapeIsNone() {
        #expect(ZAPRequest([]) == nil)
        #expect(ZAPRequest(question(["", "1.0"])) == nil)
        #expect(ZAPRequest(question(["peer", "", "2.0", "7", "d", "a", "", "CURVE", "x"])) == nil)
        #expect(ZAPRequest(question(["peer", "", "1.0", "7"])) == nil)
        #expect(ZAPRequest(question(["peer", "", "1.0", "7", "d", "a", "", "NULL"]))?.key == nil)
        #expect(ZAPRequest(question(["peer", "", "1.0", "7", "d", "a", "", "PLAIN", "u", "p"]))?.key == nil)
        #expect(ZAPRequest(question(["peer", "", "1.0", "7", "d", "a", "", "CURVE", "too short"]))?.key == nil)
    }

    @Test(arguments: [
        ("tcp://0.0.0.0:5560", "tcp://0.0.0.0:5560", "tcp://0.0.0.0:5561"),
        ("tcp://[::1]:1", "tcp://[::1]:1", "tcp://[::1]:2"),
        ("tcp://127.0.0.1:65534", "tcp://127.0.0.1:65534", "tcp://127.0.0.1:65535"),
    ])
    func anAddressNamesTwoPorts(text: String, first: String, second: String) throws {
        let address = try #require(NetworkAddress(text))
        #expect("\(address)" == first && "\(address.replay)" == second)
    }

    @Test(arguments: [
        "", "tcp://", "tcp://:5560", "tcp://0.0.0.0", "tcp://0.0.0.0:0", "tcp://0.0.0.0:65535", "tcp://localhost:5560",
        "ipc:///x", "tcp://::1:5560", "tcp://[127.0.0.1]:5560", "tcp://127.0.0.1:+7", "tcp://127.0.0.1:5560/x", "5560",
    ])
    func whatIsNoAddressIsRefused(text: String) {
        #expect(NetworkAddress(text) == nil)
    }

    @Test func beyondLoopbackAnEndpointNeedsKeys() throws {
        let keys = ClientKeys(publisher: try pair().publicKey, own: try CurveKeyPair())
        #expect(BusEndpoint("tcp://node-7.example:5560") == nil)
        #expect(BusEndpoint("tcp://node-7.example:5560", keys: keys)?.replayAddress == "tcp://node-7.example:5561")
        #expect(BusEndpoint("tcp://127.0.0.1:5560")?.keys == nil)
        #expect(BusEndpoint("ipc:///x", keys: keys)?.keys == nil)
        for text in ["tcp://a b:1", "tcp://:1", "tcp://a:0", "tcp://a:x", "tcp://a", "tcp://a/b:1", "udp://a:1"] {
            #expect(BusEndpoint(text, keys: keys) == nil)
        }
    }
}
