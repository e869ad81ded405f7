import Diagnosis
import NIOCore

/// What DLRover's HTTP master answers: `BaseResponse` of `dlrover/python/common/comm.py`, pickled.
struct BaseResponse: Hashable, Sendable {
    /// For a report, whether it was taken. For a `get` it is false exactly when `data` is not empty.
    var success: Bool
    var data: [UInt8]

    init(success: Bool, data: [UInt8]) {
        self.success = success
        self.data = data
    }

    init(pickle: ArraySlice<UInt8>, limits: PickleLimits = PickleLimits()) throws(PickleError) {
        guard case .object(let object) = try PickleReader.read(pickle, limits: limits), object.type == .baseResponse,
            let success = object.bool("success"), let data = object.bytes("data")
        else { throw PickleError(offset: 0, reason: "it is not a BaseResponse with success and data") }
        self.init(success: success, data: data)
    }

    /// Python's own bytes for it, in protocol 4, which every Python since 3.4 reads.
    var pickle: ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: data.count + 128)
        buffer.writeBytes([0x80, 4])  // PROTO
        let head = buffer.writerIndex
        for text in ["dlrover.python.common.comm", "BaseResponse"] { Self.append(text, to: &buffer) }
        // STACK_GLOBAL MEMOIZE EMPTY_TUPLE NEWOBJ MEMOIZE EMPTY_DICT MEMOIZE MARK
        buffer.writeBytes([0x93, 0x94, 0x29, 0x81, 0x94, 0x7D, 0x94, 0x28])
        Self.append("success", to: &buffer)
        buffer.writeInteger(UInt8(success ? 0x88 : 0x89))
        Self.append("data", to: &buffer)
        if let length = UInt8(exactly: data.count) {
            buffer.writeMultipleIntegers(UInt8(ascii: "C"), length)  // SHORT_BINBYTES
        } else {
            buffer.writeInteger(UInt8(ascii: "B"))  // BINBYTES
            buffer.writeInteger(UInt32(data.count), endianness: .little)
        }
        buffer.writeBytes(data)
        buffer.writeBytes([0x94, 0x75, 0x62, 0x2E])  // MEMOIZE SETITEMS BUILD STOP
        insertFrame(at: head, &buffer)
        return buffer
    }

    /// SHORT_BINUNICODE MEMOIZE
    private static func append(_ text: String, to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(UInt8(0x8C), UInt8(text.utf8.count))
        buffer.writeString(text)
        buffer.writeInteger(UInt8(0x94))
    }

    /// Python frames what is short, and puts long bytes between frames; a reader needs none.
    private func insertFrame(at head: Int, _ buffer: inout ByteBuffer) {
        guard data.count < 65536, let rest = buffer.getSlice(at: head, length: buffer.writerIndex - head) else {
            return
        }
        buffer.moveWriterIndex(to: head)
        buffer.writeInteger(UInt8(0x95))  // FRAME
        buffer.writeInteger(UInt64(rest.readableBytes), endianness: .little)
        buffer.writeImmutableBuffer(rest)
    }
}

/// What a DLRover master answers to a heartbeat: `HeartbeatResponse` of `dlrover/python/common/comm.py`, pickled.
enum HeartbeatResponse {
    /// The action in it; `nil` for DLRover's `NoAction`.
    static func action(pickle: [UInt8]) throws(PickleError) -> DiagnosisActionNote? {
        guard case .object(let object) = try PickleReader.read(pickle[...]), object.type == .heartbeatResponse,
            case .object(let action)? = object.fields["action"], action.type == .diagnosisAction,
            let name = action.string("action_cls"), let content = action.string("action_content")
        else { throw PickleError(offset: 0, reason: "it is not a HeartbeatResponse with an action") }
        return name == "NoAction" ? nil : DiagnosisActionNote(actionClass: name, content: content)
    }
}

/// An exception that a report raised in a DLRover master: the status UNKNOWN of gRPC and 500 of HTTP come with its text.
struct MasterException {
    private let text: String

    init(_ text: some StringProtocol) {
        self.text = String(text)
    }

    /// What Python says when `has_expired` (`dlrover/python/util/time_util.py`) can't convert a timestamp: milliseconds, a text, NaN. Our
    /// reports have none of these, so it is one that the master has stored before and looks at with each report of the type.
    private static let timeErrors = [
        "is out of range", "year must be in", "out of range for platform time_t", "date value out of range",
        "Invalid value NaN", "cannot be interpreted as an integer", "an integer is required", "cannot convert float",
        "Value too large for defined data type", "Invalid argument", "must be real number",
    ]

    func error(master: String) -> ReportError {
        guard Self.timeErrors.contains(where: text.contains) else {
            return ReportError(code: .refused, message: "\(master) refused the report: \(text)")
        }
        return ReportError(
            code: .refused,
            message:
                "\(master) is poisoned for this data type: somebody has sent it a timestamp that is not whole seconds, "
                + "and it answers so to every report of the type until it restarts: \(text)",
            rule: .poisoned)
    }
}
