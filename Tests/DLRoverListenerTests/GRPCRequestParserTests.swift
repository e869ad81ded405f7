import MasterClients
import NIOCore
import NIOHPACK
import Testing

@testable import DLRoverListener
@testable import GRPCServing

/// A request from its headers and data, without a connection.
@Suite struct GRPCRequestParserTests {
    private static let headers: HPACKHeaders = [
        ":method": "POST", ":scheme": "http", ":path": "/a.B/C", "content-type": "application/grpc", "te": "trailers",
        "grpc-timeout": "5S", "job_uid": "j", "x-bin": "AAE", "user-agent": "u", "grpc-trace-bin": "AA",
    ]

    /// What becomes of a request whose body comes in these pieces.
    private static func outcome(
        _ pieces: [[UInt8]], _ headers: HPACKHeaders = headers, budget: RequestBudget = RequestBudget(),
        longest: Int = 1000
    ) throws -> Result<RelayedCall, GRPCStatus> {
        var parser = GRPCRequestParser(budget: budget, longestMessage: longest)
        var outcome = parser.receive(headers, isEnd: pieces.isEmpty)
        for (index, piece) in pieces.enumerated() where outcome == nil {
            outcome = parser.receive(ByteBuffer(bytes: piece), isEnd: index == pieces.count - 1)
        }
        switch try #require(outcome) {
        case .request(let request): return Result { () throws(GRPCStatus) in try request.call() }
        case .rejection(let headers):
            let code = try #require(headers.first(name: "grpc-status").flatMap { Int($0) })
            let message = PercentCoding.decode(headers.first(name: "grpc-message") ?? "")
            return .failure(GRPCStatus(code: .init(rawValue: code), message: message))
        }
    }

    private static func status(_ outcome: Result<RelayedCall, GRPCStatus>) -> GRPCStatus? {
        if case .failure(let status) = outcome { status } else { nil }
    }

    @Test func aRequestSplitAnywhereIsTheSame() throws {
        let body = WireClient.framed([1, 2, 3, 4])
        for first in 0...body.count {
            for second in first...body.count {
                let pieces = [Array(body[..<first]), Array(body[first..<second]), Array(body[second...])]
                #expect(Array(buffer: try Self.outcome(pieces).get().message) == [1, 2, 3, 4])
            }
        }
        #expect(try Self.outcome([WireClient.framed([])]).get().message.readableBytes == 0)
    }

    @Test func aCallHasItsPathItsDeadlineAndTheClientsOwnMetadata() throws {
        let call = try Self.outcome([WireClient.framed([1])]).get()
        #expect(call.path == "/a.B/C" && call.timeout == .seconds(5))
        #expect(call.metadata.map(\.name) == ["job_uid", "x-bin", "user-agent"])
        #expect(call.metadata.map(\.value) == ["j", "AAE", "u"])
    }

    @Test(
        arguments: [
            ([], .internalError, "no request message"), ([[]], .internalError, "no request message"),
            ([[0, 0]], .internalError, "ends before its message does"),
            ([[0, 0, 0, 0, 4, 1, 2, 3]], .internalError, "ends before its message does"),
            ([[0, 0, 0, 0, 1, 1, 2]], .unimplemented, "one request message"),
            ([[0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1]], .unimplemented, "one request message"),
            ([[2]], .internalError, "first byte is 2"), ([[0, 0, 0, 3, 233]], .resourceExhausted, "(1001 vs. 1000)"),
            ([[1, 0, 0, 0, 1, 9]], .internalError, "grpc-encoding does not say how"),
        ] as [([[UInt8]], GRPCStatus.Code, String)])
    func aBodyThatIsNotOneMessageHasAStatus(pieces: [[UInt8]], code: GRPCStatus.Code, part: String) throws {
        let status = Self.status(try Self.outcome(pieces))
        #expect(status?.code == code && status?.message.contains(part) == true, "\(String(describing: status))")
    }

    @Test(arguments: [
        (":method", "GET", GRPCStatus.Code.invalidArgument), (":path", "/a", .unimplemented),
        (":path", "a/b", .unimplemented), ("grpc-encoding", "snappy", .unimplemented),
        ("grpc-encoding", "gzip,gzip", .unimplemented),
    ])
    func headersThatBeginNoCallHaveAStatus(name: String, value: String, code: GRPCStatus.Code) throws {
        var headers = Self.headers
        headers.replaceOrAdd(name: name, value: value)
        #expect(Self.status(try Self.outcome([], headers))?.code == code)
    }

    @Test(arguments: ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"])
    func anyKindOfGRPCWillDo(type: String) throws {
        var headers = Self.headers
        headers.replaceOrAdd(name: "content-type", value: type)
        #expect(Array(buffer: try Self.outcome([WireClient.framed([1])], headers).get().message) == [1])
    }

    @Test func trailersOfARequestAreAnError() throws {
        var parser = GRPCRequestParser(budget: RequestBudget())
        #expect(parser.receive(Self.headers, isEnd: false) == nil)
        guard case .rejection(let headers)? = parser.receive(["x": "y"], isEnd: true) else {
            Issue.record("not rejected")
            return
        }
        #expect(headers.first(name: "grpc-status") == "13")
        #expect(parser.receive(ByteBuffer(bytes: [1]), isEnd: true) == nil)
    }

    @Test func aRequestTakesItsBudgetUntilItIsGone() throws {
        // What a field takes besides its text, though it may be one byte on the wire.
        let head = Self.headers.reduce(0) { $0 + 128 + $1.name.utf8.count + $1.value.utf8.count }
        let budget = RequestBudget(capacity: 2 * head + 20)
        #expect(Self.status(try Self.outcome([WireClient.framed([1, 2])], budget: budget)) == nil)
        #expect(budget.reservedBytes == 0)
        var parser = GRPCRequestParser(budget: budget)
        #expect(parser.receive(Self.headers, isEnd: false) == nil)
        #expect(parser.receive(ByteBuffer(repeating: 0, count: 4), isEnd: false) == nil)
        #expect(budget.reservedBytes == head + 4)
        let large = WireClient.framed(Array(repeating: 1, count: 12))
        #expect(Self.status(try Self.outcome([large], budget: budget)) == .requestsTakeTooMuchMemory)
        #expect(budget.reservedBytes == head + 4)
        let tooMany: HPACKHeaders = HPACKHeaders(Self.headers.map { ($0.name, $0.value) } + [("a", "")])
        #expect(Self.status(try Self.outcome([[]], tooMany, budget: budget)) == .requestsTakeTooMuchMemory)
        parser = GRPCRequestParser(budget: budget)
        #expect(budget.reservedBytes == 0)
    }

    // MARK: compression

    private static func compressed(_ encoding: String, _ bytes: [UInt8], longest: Int = 1000, capacity: Int = 1 << 20)
        throws -> Result<RelayedCall, GRPCStatus>
    {
        var headers = headers
        headers.add(name: "grpc-encoding", value: encoding)
        return try outcome(
            [WireClient.framed(bytes, flag: 1)], headers, budget: RequestBudget(capacity: capacity), longest: longest)
    }

    @Test func compressedMessagesAreRead() throws {
        let message = [UInt8](repeating: 7, count: 300_000)
        for (encoding, bytes) in [("gzip", Compressed.gzip(message)), ("deflate", Compressed.zlib(message))] {
            let call = try Self.compressed(encoding, bytes, longest: message.count).get()
            #expect(Array(buffer: call.message) == message)
        }
        #expect(try Self.compressed("gzip", Compressed.gzip([])).get().message.readableBytes == 0)
    }

    @Test func aMessageIsNotCompressedJustBecauseItsCallMayBe() throws {
        var headers = Self.headers
        headers.add(name: "grpc-encoding", value: "gzip")
        #expect(Array(buffer: try Self.outcome([WireClient.framed([5])], headers).get().message) == [5])
    }

    @Test func compressedBytesThatAreBrokenHaveAStatus() throws {
        let good = Compressed.gzip([1, 2, 3])
        let broken: [(String, [UInt8])] = [
            ("gzip", []), ("gzip", Array(good.dropLast())), ("gzip", good + [0]), ("deflate", good),
            ("gzip", [9, 9, 9]),
        ]
        for (encoding, bytes) in broken {
            let status = Self.status(try Self.compressed(encoding, bytes))
            #expect(status == GRPCStatus(code: .internalError, message: "the message is not valid \(encoding)"))
        }
    }

    @Test func aMessageThatGrowsBeyondTheBoundsIsStopped() throws {
        let bomb = Compressed.gzip([UInt8](repeating: 0, count: 4 << 20))
        #expect(bomb.count < 10_000)
        let long = Self.status(try Self.compressed("gzip", bomb, longest: 1 << 20, capacity: 1 << 30))
        #expect(long?.code == .resourceExhausted && long?.message.contains("larger than max") == true)
        let costly = Self.status(try Self.compressed("gzip", bomb, longest: 1 << 30, capacity: 1 << 20))
        #expect(costly == .requestsTakeTooMuchMemory)
    }

    // MARK: texts

    @Test(arguments: ["", "plain", "ü % \n", "a\u{7F}b", "100%"])
    func aMessageSurvivesItsEncoding(text: String) {
        let encoded = PercentCoding.encode(text)
        #expect(encoded.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        #expect(PercentCoding.decode(encoded) == text)
    }

    @Test func onlyWhatMustBeIsEscaped() {
        #expect(PercentCoding.encode("a b~%\n") == "a b~%25%0A")
        #expect(PercentCoding.encode("é") == "%C3%A9")
    }
}
