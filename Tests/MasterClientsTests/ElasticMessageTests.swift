import NIOCore
import Testing

@testable import MasterClients

@Suite struct ElasticMessageTests {
    @Test(arguments: [(0, "worker", 0), (0, "worker", 5), (1, "", 200), (-1, "ps", 70000), (.max, "w", 1)])
    func `the size is that of what is written`(_ id: Int, _ type: String, _ bytes: Int) {
        var buffer = ByteBuffer()
        ElasticMessage.appendHead(nodeID: id, nodeType: type, dataBytes: bytes, to: &buffer)
        #expect(ElasticMessage.size(nodeID: id, nodeType: type, dataBytes: bytes) == buffer.readableBytes + bytes)
    }

    @Test func `worker 0 leaves its id out, as DLRover does`() {
        var buffer = ByteBuffer()
        ElasticMessage.appendHead(nodeID: 0, nodeType: "worker", dataBytes: 79, to: &buffer)
        #expect(Array(buffer: buffer) == [0x12, 6] + Array("worker".utf8) + [0x1A, 79])
    }

    @Test func `reads the master's answers`() throws {
        let captured = Fixture.bytes("wire_grpc_report_diagnosis_response.bin").dropFirst(5)
        #expect(try ElasticResponse(decoding: ByteBuffer(bytes: captured)).success)
        #expect(try !ElasticResponse(decoding: ByteBuffer()).success)
        let full: [UInt8] = [0x08, 0, 0x12, 2, 0x6E, 0x6F, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4]
        let response = try ElasticResponse(decoding: ByteBuffer(bytes: full))
        #expect(!response.success && response.reason == "no")
    }

    @Test(arguments: [
        [0x08], [0x12, 5, 1], [0x0B], [0x00, 0], [0x08] + [UInt8](repeating: 0xFF, count: 11), [0x19, 1],
    ])
    func `a broken answer is an error`(_ bytes: [UInt8]) {
        #expect(throws: ProtoError.self) { try ElasticResponse(decoding: ByteBuffer(bytes: bytes)) }
    }
}
