import Diagnosis
import NIOCore

/// Writes the objects that a DLRover master is sent as pickles.
///
/// Every DLRover reads this form: protocol 2 opcodes, the class by name, attributes set by name
/// (CPython's `Lib/pickletools.py` documents the opcodes).
enum PickleWriter {
    /// How many bytes `appendReport` adds.
    static func reportSize(_ module: DLRoverModule, jsonBytes: Int, nodeRank: Int) -> Int {
        6 + head(.diagnosisReportData, module).utf8.count + attributes.count + 5 + jsonBytes + rankKey.count
            + sizeOfInt(nodeRank) + 3
    }

    /// Appends a `DiagnosisReportData` with a `WorkerTrainingMetric` to `buffer`.
    ///
    /// - Precondition: `json` is shorter than 4 GiB.
    static func appendReport(
        _ module: DLRoverModule, json: ArraySlice<UInt8>, nodeRank: Int, to buffer: inout ByteBuffer
    ) {
        begin(.diagnosisReportData, module, &buffer)
        buffer.writeBytes(attributes)
        buffer.writeInteger(UInt8(ascii: "X"))
        buffer.writeInteger(UInt32(json.count), endianness: .little)
        buffer.writeBytes(json)
        buffer.writeBytes(rankKey)
        appendInt(nodeRank, to: &buffer)
        end(&buffer)
    }

    /// Appends a `NodeFailure` to `buffer`.
    static func appendFailure(_ module: DLRoverModule, _ failure: NodeFailure, to buffer: inout ByteBuffer) {
        begin(.nodeFailure, module, &buffer)
        appendText("error_data", to: &buffer)
        appendText(failure.errorData, to: &buffer)
        appendText("restart_count", to: &buffer)
        appendInt(failure.restartCount, to: &buffer)
        appendText("level", to: &buffer)
        appendText(failure.level.rawValue, to: &buffer)
        end(&buffer)
    }

    /// Appends a `HeartBeat` to `buffer`.
    static func appendHeartbeat(_ module: DLRoverModule, at time: Int64, to buffer: inout ByteBuffer) {
        begin(.heartBeat, module, &buffer)
        appendText("timestamp", to: &buffer)
        appendInt(Int(time), to: &buffer)
        end(&buffer)
    }

    /// Appends an `AtorchEvent` to `buffer`.
    static func appendEvent(_ module: DLRoverModule, _ event: TrainingEvent, to buffer: inout ByteBuffer) {
        begin(.atorchEvent, module, &buffer)
        appendText("timestamp", to: &buffer)
        appendInt(Int(event.timestamp), to: &buffer)
        appendText("target", to: &buffer)
        appendText(event.target, to: &buffer)
        appendText("name", to: &buffer)
        appendText(event.name, to: &buffer)
        appendText("type", to: &buffer)
        appendText(event.type.rawValue, to: &buffer)
        appendText("step", to: &buffer)
        appendInt(Int(event.stepForDLRover), to: &buffer)
        end(&buffer)
    }

    private static func begin(_ type: PickleClass, _ module: DLRoverModule, _ buffer: inout ByteBuffer) {
        buffer.writeBytes([0x80, 2])  // PROTO 2
        buffer.writeString(head(type, module))  // GLOBAL
        // EMPTY_TUPLE NEWOBJ EMPTY_DICT MARK
        buffer.writeBytes([UInt8(ascii: ")"), 0x81, UInt8(ascii: "}"), UInt8(ascii: "(")])
    }

    private static func end(_ buffer: inout ByteBuffer) {
        buffer.writeBytes([UInt8(ascii: "u"), UInt8(ascii: "b"), UInt8(ascii: ".")])  // SETITEMS BUILD STOP
    }

    private static func head(_ type: PickleClass, _ module: DLRoverModule) -> String {
        "c\(module.rawValue)\n\(type.rawValue)\n"
    }

    private static func appendText(_ text: String, to buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt8(ascii: "X"))
        buffer.writeInteger(UInt32(text.utf8.count), endianness: .little)
        buffer.writeString(text)
    }

    private static let attributes: [UInt8] =
        unicode("data_cls") + unicode("WorkerTrainingMetric") + unicode("data_content")

    private static let rankKey: [UInt8] = unicode("node_rank")

    /// BINUNICODE of a short text.
    private static func unicode(_ text: String) -> [UInt8] {
        [UInt8(ascii: "X"), UInt8(text.utf8.count), 0, 0, 0] + text.utf8
    }

    private static func sizeOfInt(_ value: Int) -> Int {
        if UInt8(exactly: value) != nil { return 2 }
        if UInt16(exactly: value) != nil { return 3 }
        return Int32(exactly: value) != nil ? 5 : 10
    }

    private static func appendInt(_ value: Int, to buffer: inout ByteBuffer) {
        if let small = UInt8(exactly: value) {
            buffer.writeMultipleIntegers(UInt8(ascii: "K"), small)
        } else if let medium = UInt16(exactly: value) {
            buffer.writeMultipleIntegers(UInt8(ascii: "M"), medium, endianness: .little)
        } else if let large = Int32(exactly: value) {
            buffer.writeMultipleIntegers(UInt8(ascii: "J"), large, endianness: .little)
        } else {
            buffer.writeMultipleIntegers(UInt8(0x8A), UInt8(8), Int64(value), endianness: .little)
        }
    }
}
