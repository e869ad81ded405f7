import MasterClients
import NIOCore
import TestSupport
import Testing

@testable import DLRoverListener
@testable import GRPCServing

@Suite(.timeLimit(.minutes(1))) struct ForwardingTests {
    @Test func everyOtherCallGoesToTheMasterByteForByte() async throws {
        try await FakeMaster.with({ .success([7] + $0.message.reversed()) }) { master, url in
            try await Listening.with(master: url) { listening in
                let messages: [(String, ByteBuffer)] = [
                    ("/elastic.Master/get", try Fixture.message("v061_HeartBeat")),
                    ("/elastic.Master/report", try Fixture.message("v061_NodeFailure")),
                    ("/elastic.Master/report", ByteBuffer(bytes: [0xFF, 0, 0xFF])),
                    ("/elastic.Master/get", ByteBuffer()),
                    ("/some.Service/Method", ByteBuffer(repeating: 0x80, count: 300_000)),
                ]
                for (path, message) in messages {
                    let answer = try await listening.call(
                        path, message, metadata: [("job_uid", "j"), ("x-bin", "AAE=")], timeout: .seconds(20))
                    #expect(answer == [7] + Array(buffer: message).reversed())
                }
                #expect(master.calls.map(\.path) == messages.map(\.0))
                #expect(master.calls.map(\.message) == messages.map { Array(buffer: $0.1) })
                let metadata = try #require(master.calls.first?.metadata)
                #expect(metadata["job_uid"] == "j" && metadata["x-bin"] == "AAE=")
                #expect(master.calls.first?.timeout == .seconds(20))
                #expect(listening.count("forwarded") == 5)
            }
        }
    }

    @Test func theMastersStatusComesBackAsItIs() async throws {
        let text = "Exception calling application: ü % \n"
        try await FakeMaster.with({ _ in .failure(GRPCStatus(code: .unknown, message: text)) }) { _, url in
            try await Listening.with(master: url) { listening in
                let status = await #expect(throws: GRPCStatus.self) {
                    try await listening.call("/elastic.Master/get", ByteBuffer())
                }
                #expect(status == GRPCStatus(code: .unknown, message: text))
            }
        }
    }

    @Test func aHangingMasterHoldsUpNoMetricAndIsToldWhenTheClientGivesUp() async throws {
        try await FakeMaster.with({ _ in
            try? await Task.sleep(for: .seconds(600))
            return .success([])
        }) { master, url in
            try await Listening.with(master: url) { listening in
                try await withThrowingTaskGroup { group in
                    for _ in 0..<50 {
                        group.addTask {
                            let status = await #expect(throws: GRPCStatus.self) {
                                try await listening.call("/elastic.Master/get", ByteBuffer(), timeout: .seconds(2))
                            }
                            #expect(status?.code == .deadlineExceeded)
                        }
                    }
                    let metric = #"{"data_type": "A", "data_content": "x"}"#
                    for _ in 0..<20 { #expect(try await listening.report(metric) == [0x08, 0x01]) }
                    try await group.waitForAll()
                }
                // On a busy machine a client may give up before its call has gone on.
                try await eventually { master.cancelledCalls == master.calls.count }
            }
        }
    }

    @Test func withoutAMasterTheAnswerSaysWhatIsTaken() async throws {
        try await Listening.with(master: nil) { listening in
            let status = await #expect(throws: GRPCStatus.self) {
                try await listening.call("/elastic.Master/get", ByteBuffer())
            }
            #expect(status?.code == .unimplemented)
            #expect(status?.message.contains("--master dlrover+grpc://host:port") == true)
        }
    }

    @Test func aMasterThatIsDownIsNamed() async throws {
        let url = try MasterURL("127.0.0.1:1")
        try await Listening.with(master: url) { listening in
            let status = await #expect(throws: GRPCStatus.self) {
                try await listening.call("/elastic.Master/get", ByteBuffer())
            }
            #expect(status?.code == .unavailable)
            #expect(status?.message.contains("\(url) cannot be reached: no connection: Connection refused") == true)
            #expect(listening.count("forward-failed") == 1)
        }
    }

    @Test func aCallUnderWayIsAnsweredAfterTheListenerWasStopped() async throws {
        let (arrivals, arrival) = AsyncStream.makeStream(of: Void.self)
        let (releases, release) = AsyncStream.makeStream(of: Void.self)
        try await FakeMaster.with({ _ in
            arrival.yield()
            _ = await releases.first { true }
            return .success([1])
        }) { _, url in
            try await Listening.with(master: url) { listening in
                let call = Task { try await listening.call("/elastic.Master/get", ByteBuffer()) }
                _ = await arrivals.first { true }
                listening.running.cancel()
                release.yield()
                let answer = try await call.value
                #expect(answer == [1])
            }
        }
    }
}
