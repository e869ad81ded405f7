import Foundation
import MasterClients
import NIOCore
import TestSupport
import Testing
import ZMQBridge

@testable import DLRoverListener
@testable import GRPCServing

/// Calls over HTTP, to masters that speak either.
@Suite(.timeLimit(.minutes(1))) struct PostForwardingTests {
    private static func json(_ message: String, node: String = #""node_id": 3, "node_type": "worker", "#) throws
        -> [UInt8]
    {
        Array(#"{\#(node)"data": "\#(try pickle(message).base64EncodedString())"}"#.utf8)
    }

    private static func pickle(_ fixture: String) throws -> Data {
        try Data(contentsOf: Fixture.folder.appending(path: "\(fixture).bin"))
    }

    /// An HTTP master that answers each call with its path, job and body.
    private static func withHTTPMaster(
        _ status: Int, _ body: (MasterURL) async throws -> Void
    ) async throws {
        try await Serving.with(
            speaking: .http,
            answerPost: { post in
                let text = "\(post.path.rawValue) \(post.jobUID ?? "-") "
                return PostAnswer(status: status, body: ByteBuffer(bytes: Array(text.utf8) + Array(buffer: post.body)))
            }
        ) { try await body(try MasterURL("dlrover+http://127.0.0.1:\($0.port)")) }
    }

    @Test func aMetricIsPublishedAndAnsweredAsDLRoverDoes() async throws {
        try await Listening.with(master: nil) { listening in
            let client = try await PostClient.connect(port: listening.httpPort)
            let answer = try await client.call(
                PostClient.request("/report", Self.json("v061_DiagnosisReportData_unicode")))
            let expected = Array(try Self.pickle("v061_BaseResponse_ok"))
            #expect(answer.status == 200 && answer.body == expected)
            #expect(listening.count("published", over: "http") == 1 && listening.count("published") == 0)
            let status = try listening.publisher.status()
            #expect(status.listening?.count == 2)
            client.send(PostClient.request("/get", try Self.json("v061_DiagnosisReportData_unicode")))
            #expect(try await client.answer(2).status == 501)
            await client.raw.close()
        }
    }

    @Test func whatCannotBeOnTheBusIsRefusedWithTheReason() async throws {
        try await Listening.with(master: nil) { listening in
            let client = try await PostClient.connect(port: listening.httpPort)
            let pickle = Data(Fixture.pickle(#"{"data_type": "a b", "data_content": "x"}"#)).base64EncodedString()
            let answer = try await client.call(PostClient.request("/report", Array(#"{"data": "\#(pickle)"}"#.utf8)))
            #expect(answer.status == 400 && answer.text.contains("data_type 'a b' must be"))
            #expect(listening.count("refused", over: "http") == 1)
            await client.raw.close()
        }
    }

    @Test func aGRPCMasterGetsTheSamePickleAndItsAnswerComesBack() async throws {
        let expected = Array(try Self.pickle("v061_BaseResponse_get_heartbeat"))
        let data = try #require(Data(expected).range(of: Data("data\u{94}".unicodeScalars.map { UInt8($0.value) })))
        // Behind BINBYTES and four bytes of length; before MEMOIZE SETITEMS BUILD STOP.
        let heartbeat = Array(expected[(data.upperBound + 5)...].dropLast(4))
        let (got, done) = (Array(buffer: Fixture.message(pickle: heartbeat)), [0x08, 0x01] as [UInt8])
        try await FakeMaster.with({ .success($0.path.hasSuffix("get") ? got : done) }) { master, url in
            try await Listening.with(master: url) { listening in
                let client = try await PostClient.connect(port: listening.httpPort)
                client.send(
                    PostClient.request("/get", try Self.json("v061_HeartBeat"), ["job_uid": "job-7"]))
                let get = try await client.answer()
                #expect(get.status == 200 && get.body == expected)
                client.send(PostClient.request("/report", try Self.json("v061_NodeFailure")))
                #expect(try await client.answer(2).body == Array(try Self.pickle("v061_BaseResponse_ok")))
                client.send(PostClient.request("/get", Array("{}".utf8)))
                #expect(try await client.answer(3).status == 200)
                let sent = try ["v061_HeartBeat", "v061_NodeFailure"].map {
                    [0x08, 3] + Array(buffer: try Fixture.message($0))
                }
                #expect(master.calls.map(\.message) == sent + [[]])
                #expect(master.calls.first?.metadata["job_uid"] == "job-7")
                #expect(listening.count("forwarded", over: "http") == 3)
                await client.raw.close()
            }
        }
    }

    @Test(arguments: [
        (GRPCStatus(code: .unknown, message: "Exception calling application: ü"), 500, "ü"),
        (GRPCStatus(code: .unauthenticated, message: "Job uid is invalid"), 406, "Job uid is invalid"),
        (GRPCStatus(code: .resourceExhausted, message: "too large"), 429, "too large"),
        (GRPCStatus(code: .internalError, message: "Exception deserializing request!"), 500, "Exception deser"),
    ])
    func aGRPCMastersStatusIsAnHTTPMastersAnswer(status: GRPCStatus, code: Int, text: String) async throws {
        try await FakeMaster.with({ _ in .failure(status) }) { _, url in
            try await Listening.with(master: url) { listening in
                let client = try await PostClient.connect(port: listening.httpPort)
                let answer = try await client.call(PostClient.request("/get", Self.json("v061_HeartBeat")))
                #expect(answer.status == code && answer.text.hasPrefix(text))
                await client.raw.close()
            }
        }
    }

    @Test(arguments: [200, 406, 500, 404]) func anHTTPMasterGetsAndGivesEveryByte(status: Int) async throws {
        try await Self.withHTTPMaster(status) { url in
            try await Listening.with(master: url) { listening in
                for body in [Array("not even JSON".utf8), try Self.json("v061_NodeFailure", node: #" "more":1,"#)] {
                    let client = try await PostClient.connect(port: listening.httpPort)
                    let answer = try await client.call(PostClient.request("/report", body, ["job_uid": "j"]))
                    #expect(answer.status == status && answer.body == Array("/report j ".utf8) + body)
                    await client.raw.close()
                }
            }
        }
    }

    @Test func whatIsNoRequestOfDLRoversCannotGoToAGRPCMaster() async throws {
        try await FakeMaster.with({ _ in .success([]) }) { master, url in
            try await Listening.with(master: url) { listening in
                for body in [
                    "not JSON", "[]", #"{"data": "%%%"}"#, #"{"node_id": 4294967296}"#, #"{"node_type": 1}"#,
                    String(repeating: "[", count: 100_000),
                ] {
                    let client = try await PostClient.connect(port: listening.httpPort)
                    let answer = try await client.call(PostClient.request("/get", Array(body.utf8)))
                    #expect(answer.status == 400 && answer.text.contains("node_type and data (base64)"))
                    await client.raw.close()
                }
                #expect(master.calls.isEmpty)
            }
        }
    }

    @Test func aMasterThatIsDownIsNamed() async throws {
        let url = try MasterURL("127.0.0.1:1")
        try await Listening.with(master: url) { listening in
            let client = try await PostClient.connect(port: listening.httpPort)
            let answer = try await client.call(PostClient.request("/get", Self.json("v061_HeartBeat")))
            #expect(answer.status == 503 && answer.text.contains("\(url) cannot be reached"))
            #expect(listening.count("forward-failed", over: "http") == 1)
            await client.raw.close()
        }
    }
}
