import Diagnosis
import Foundation
import Logging
import SystemSupport
import Testing

@testable import MasterClients

/// Heartbeats and failures through the real transports, answered with what a DLRover 0.6.1 said.
@Suite(.timeLimit(.minutes(1))) struct HeartbeatTransportTests {
    private static let node = NodeIdentity(id: 3, type: "worker", rank: 2)

    private func reporter(_ url: String) throws -> any EnvelopeReporter {
        try MasterURL(url).makeReporter(logger: Logger(label: "test"))
    }

    @Test func `over gRPC a heartbeat is a get, in the node's name`() async throws {
        let answer = Fixture.bytes("wire_grpc_get_heartbeat_response.bin")
        let server = try await H2Server.start { exchange in
            let isGet = exchange.headers[":path"] == "/elastic.Master/get"
            return [.head, .data(isGet ? answer : [0, 0, 0, 0, 0], isEnd: false), .trailers(0)]
        }
        let reporter = try reporter("127.0.0.1:\(server.port)")
        let sender = try #require(reporter as? any HeartbeatSender)
        #expect(try await sender.sendHeartbeat(at: WallClock.seconds(), node: Self.node) == nil)
        await reporter.close()
        await server.stop()
    }

    @Test func `an answer over gRPC that has no action is one`() async throws {
        for (bytes, part) in [([], "could not read"), ([0x1A, 0x01, 0x2E], "with something else")]
            as [([UInt8], String)]
        {
            let server = try await H2Server.start { _ in H2Server.Step.good(bytes) }
            let reporter = try reporter("127.0.0.1:\(server.port)")
            let sender = try #require(reporter as? any HeartbeatSender)
            let error = await #expect(throws: ReportError.self) {
                _ = try await sender.sendHeartbeat(at: WallClock.seconds(), node: Self.node)
            }
            #expect(error?.code == .refused && error?.message.contains(part) == true)
            await reporter.close()
            await server.stop()
        }
    }

    @Test func `over HTTP the action is in the answer's data, whose success is false`() async throws {
        let server = try await H1Server.start { request in
            .whole(200, request.path == "/get" ? Fixture.bytes("v061_BaseResponse_get_heartbeat.bin") : [])
        }
        let reporter = try reporter("dlrover+http://127.0.0.1:\(server.port)")
        let sender = try #require(reporter as? any HeartbeatSender)
        let time = WallClock.seconds()
        _ = try await sender.sendHeartbeat(at: time, node: Self.node)
        let request = try #require(server.requests.first)
        let json = try #require(try JSONSerialization.jsonObject(with: Data(request.body.utf8)) as? [String: Any])
        #expect(json["node_id"] as? Int == 3 && json["node_type"] as? String == "worker")
        let pickle = try #require(Data(base64Encoded: json["data"] as? String ?? ""))
        #expect(
            try PickleReader.read(Array(pickle)[...])
                == .object(PickleObject(type: .heartBeat, fields: ["timestamp": .int(Int(time))])))
        await reporter.close()
        await server.stop()
    }

    @Test func `a failure is a report, in the node's name`() async throws {
        let server = try await H1Server.start { request in
            .whole(200, request.path == "/report" ? Fixture.bytes("v061_BaseResponse_ok.bin") : [])
        }
        let reporter = try reporter("dlrover+http://127.0.0.1:\(server.port)")
        let failures = try #require(reporter as? any FailureReporter)
        try await failures.reportFailures(
            NodeFailure(errorData: "é", restartCount: -1, level: .nodeError, node: Self.node))
        let json = try JSONSerialization.jsonObject(with: Data(server.requests[0].body.utf8)) as? [String: Any]
        #expect(json?["node_id"] as? Int == 3)
        let pickle = try #require(Data(base64Encoded: json?["data"] as? String ?? ""))
        let fields: [String: PickleValue] = [
            "error_data": .string("é"), "restart_count": .int(-1), "level": .string("node_error"),
        ]
        #expect(
            try PickleReader.read(Array(pickle)[...]) == .object(PickleObject(type: .nodeFailure, fields: fields)))
        await reporter.close()
        await server.stop()
    }

    @Test(arguments: DLRoverModule.allCases)
    func `every kind of action is read`(_ module: DLRoverModule) throws {
        let responses = Fixture.all.filter { $0.file.contains("_HeartbeatResponse_") && $0.module == module.rawValue }
        #expect(responses.count >= 5)
        for response in responses {
            let action = try HeartbeatResponse.action(pickle: response.bytes)
            #expect((action == nil) == response.file.contains("NoAction"), "\(response.file)")
            if let action { #expect(response.file.contains(action.actionClass), "\(response.file)") }
        }
    }

    @Test(arguments: ["v061_HeartBeat.bin", "v061_BaseResponse_ok.bin", "head_DiagnosisAction_job_restart.bin"])
    func `what is no answer to a heartbeat is refused`(_ file: String) {
        #expect(throws: PickleError.self) { try HeartbeatResponse.action(pickle: Fixture.bytes(file)) }
    }
}
