import NIOCore
import Testing

@testable import Diagnosis
@testable import MasterClients

@Suite struct PickleWriterTests {
    @Test(arguments: [
        (DLRoverModule.comm, "min_comm_DiagnosisReportData_build.bin"),
        (DLRoverModule.grpc, "min_grpc_DiagnosisReportData_build.bin"),
    ])
    func `writes the bytes that every DLRover took`(_ module: DLRoverModule, _ file: String) throws {
        let expected = Fixture.bytes(file)
        guard case .object(let object) = try PickleReader.read(expected[...]) else { return }
        let json = try #require(object.string("data_content"))
        let rank = try #require(object.int("node_rank"))
        var buffer = ByteBuffer()
        PickleWriter.appendReport(module, json: Array(json.utf8)[...], nodeRank: rank, to: &buffer)
        #expect(Array(buffer: buffer) == expected)
        #expect(
            PickleWriter.reportSize(module, jsonBytes: json.utf8.count, nodeRank: rank) == buffer.readableBytes)
    }

    @Test(arguments: [0, 1, 255, 256, 65535, 65536, 0x7FFF_FFFF, 0x8000_0000, -1, -40000, .max, .min])
    func `what is written is read back`(_ rank: Int) throws {
        let json = Array(#"{"data_content": "é\n"}"#.utf8)
        for module in DLRoverModule.allCases {
            var buffer = ByteBuffer()
            PickleWriter.appendReport(module, json: json[...], nodeRank: rank, to: &buffer)
            #expect(
                PickleWriter.reportSize(module, jsonBytes: json.count, nodeRank: rank) == buffer.readableBytes)
            let fields: [String: PickleValue] = [
                "data_cls": .string("WorkerTrainingMetric"),
                "data_content": .string(String(decoding: json, as: UTF8.self)), "node_rank": .int(rank),
            ]
            #expect(
                try PickleReader.read(Array(buffer: buffer)[...])
                    == .object(PickleObject(type: .diagnosisReportData, fields: fields)))
        }
    }

    @Test func `the gRPC request is written whole into one buffer`() throws {
        let metric = WorkerTrainingMetric(
            dataType: .trainingLog, dataContent: "x", node: NodeIdentity(id: 300, type: "worker", rank: 7), timestamp: 1
        )
        let report = try Batches.report(metric)
        var request = DLRoverGRPCTransport.encode(report, .comm)
        #expect(request.readInteger(as: UInt8.self) == 0)
        #expect(request.readInteger(as: UInt32.self) == UInt32(request.readableBytes))
        #expect(request.readableBytes == report.messageSize(.comm))
        guard case .varint(number: 1, let id) = try ProtoWire.takeField(&request),
            case .bytes(number: 2, let type) = try ProtoWire.takeField(&request),
            case .bytes(number: 3, let pickle) = try ProtoWire.takeField(&request)
        else {
            Issue.record("not the three fields")
            return
        }
        #expect(id == 300)
        #expect(String(buffer: type) == "worker")
        #expect(pickle.readableBytes == report.pickleSize(.comm))
        #expect(throws: Never.self) { try PickleReader.read(Array(buffer: pickle)[...]) }
    }
}
