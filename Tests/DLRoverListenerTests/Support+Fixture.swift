import Foundation
import NIOCore

/// Pickles that real DLRovers wrote, in the message that a client sends them in.
enum Fixture {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "MasterClientsTests/Fixtures")

    static func message(_ name: String) throws -> ByteBuffer {
        message(pickle: try Data(contentsOf: folder.appending(path: "\(name).bin")))
    }

    static func report(_ json: String) -> ByteBuffer { message(pickle: pickle(json)) }

    /// A pickled `DiagnosisReportData` of a `WorkerTrainingMetric` with this JSON, in the fewest opcodes.
    static func pickle(_ json: String) -> [UInt8] {
        var pickle = Array("cdlrover.python.common.comm\nDiagnosisReportData\n(".utf8)
        for text in ["WorkerTrainingMetric", json] {
            pickle.append(UInt8(ascii: "X"))
            withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { pickle.append(contentsOf: $0) }
            pickle += text.utf8
        }
        return pickle + Array("K\u{0}tR.".utf8)
    }

    static func message(pickle: some Sequence<UInt8>) -> ByteBuffer {
        let pickle = Array(pickle)
        var message: [UInt8] = [0x12, 6] + "worker".utf8 + [0x1A]
        var rest = pickle.count
        while rest >= 0x80 {
            message.append(UInt8(rest & 0x7F | 0x80))
            rest >>= 7
        }
        message.append(UInt8(rest))
        return ByteBuffer(bytes: message + pickle)
    }
}
