package import Diagnosis
import NIOCore

/// What a DLRover master is sent: an object of one of its classes, in the name of a node.
protocol DLRoverMessage: Sendable {
    var node: NodeIdentity { get }

    /// The length of the pickle.
    func pickleSize(_ module: DLRoverModule) -> Int

    func appendPickle(_ module: DLRoverModule, to buffer: inout ByteBuffer)
}

extension DLRoverMessage {
    /// The length of the `elastic.Message` around the pickle, to which a master's limit applies.
    func messageSize(_ module: DLRoverModule) -> Int {
        ElasticMessage.size(nodeID: node.id, nodeType: node.type, dataBytes: pickleSize(module))
    }

    func pickleSize(_ module: DLRoverModule) -> Int {
        var buffer = ByteBuffer()
        appendPickle(module, to: &buffer)
        return buffer.readableBytes
    }
}

/// A failure as a DLRover master is sent it: `NodeFailure` of `dlrover/python/common/comm.py`.
struct DLRoverFailure: DLRoverMessage {
    private let failure: NodeFailure

    var node: NodeIdentity { failure.node }

    /// - Throws: `ReportError` for one that would make the master raise.
    init(checking failure: NodeFailure) throws(ReportError) {
        guard failure.level != .rendezvousError || RendezvousFailure.isReadable(failure.errorData) else {
            throw ReportError(
                code: .refused,
                message: "a failure of level rdzv_error needs a JSON object with \(RendezvousFailure.keys)")
        }
        self.failure = failure
    }

    func appendPickle(_ module: DLRoverModule, to buffer: inout ByteBuffer) {
        PickleWriter.appendFailure(module, failure, to: &buffer)
    }
}

/// A heartbeat as a DLRover master is sent it: `HeartBeat` of `dlrover/python/common/comm.py`, by `get`.
struct DLRoverHeartbeat: DLRoverMessage {
    let node: NodeIdentity
    private let time: Int64

    /// The master measures the node's silence by `time`, so it must be close to now.
    init(at time: Int64, node: NodeIdentity, now: Int64) throws(ReportError) {
        guard (now - 600...now + 60).contains(time) else {
            throw ReportError(code: .refused, message: "a heartbeat's time must be now in whole seconds; it is \(time)")
        }
        self.node = node
        self.time = time
    }

    func appendPickle(_ module: DLRoverModule, to buffer: inout ByteBuffer) {
        PickleWriter.appendHeartbeat(module, at: time, to: &buffer)
    }
}

/// What a DLRover master reads of a failure of level `rdzv_error` (`_report_failure` of `dlrover/python/master/servicer.py`). It raises for
/// anything else.
enum RendezvousFailure {
    static let keys = "rdzv_name, node_rank, err_type, err_message and elapsed_time"
    /// `RendezvousName` of `dlrover/python/common/constants.py`.
    private static let names = ["elastic-training", "network-check"]

    static func isReadable(_ errorData: String) -> Bool {
        guard let fields = JSONValue.object(errorData), case .string(let name)? = fields["rdzv_name"],
            names.contains(name), case .string? = fields["err_type"], case .string? = fields["err_message"]
        else { return false }
        return fields["node_rank"] != nil && fields["elapsed_time"] != nil
    }
}

extension NodeFailure {
    /// How many characters of a failure's text newer DLRovers keep.
    static let keptCharacters = 2048

    /// A failure whose text begins with the line that decides, and is short enough for every DLRover to keep whole.
    ///
    /// If `failures` is a JSON object, so is the text: `decisive_line` comes first, then the object's own members as long as they fit, in the
    /// order of their numbers (DLRover's agent sends one for each rank) or else of their names.
    /// - Parameters:
    ///   - failures: what the agent would send, or any text.
    ///   - decisiveLine: what people should read first: the exception, the signal.
    ///   - level: `rdzv_error` becomes `error`, which the master treats alike, where the text is not what it reads at that level.
    package static func forDLRover(
        failures: String, decisiveLine: String?, restartCount: Int, level: Level = .processError, node: NodeIdentity
    ) -> NodeFailure {
        let data: String
        if let members = JSONValue.object(failures) {
            data = objectText(members, decisiveLine)
        } else {
            data = cut([decisiveLine, failures].compactMap(\.self).joined(separator: "\n"), to: keptCharacters)
        }
        let isUnreadable = level == .rendezvousError && !RendezvousFailure.isReadable(data)
        return NodeFailure(
            errorData: data, restartCount: restartCount, level: isUnreadable ? .error : level, node: node)
    }

    private static func objectText(_ members: [String: JSONValue], _ decisiveLine: String?) -> String {
        var parts: [String] = []
        var room = keptCharacters - 2
        func add(_ key: String, _ value: JSONValue) -> Bool {
            guard let name = JSONValue.string(key).text, let text = value.text else { return false }
            let part = "\(name): \(text)"
            let length = part.unicodeScalars.count + (parts.isEmpty ? 0 : 2)
            guard length <= room else { return false }
            room -= length
            parts.append(part)
            return true
        }
        if let decisiveLine {
            var kept = keptCharacters
            // Escapes may make it longer than it is.
            while !add("decisive_line", .string(cut(decisiveLine, to: kept))), kept > 1 { kept = kept * 7 / 8 }
        }
        for (key, value) in members.sorted(by: { precedes($0.key, $1.key) })
        where decisiveLine == nil || key != "decisive_line" {
            _ = add(key, value)
        }
        return "{\(parts.joined(separator: ", "))}"
    }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        switch (Int(left), Int(right)) {
        case (let left?, let right?): left < right
        case (_?, nil): true
        case (nil, _?): false
        case (nil, nil): left < right
        }
    }

    /// The first `count` characters as Python counts them, the last an ellipsis if some are missing.
    private static func cut(_ text: String, to count: Int) -> String {
        let scalars = text.unicodeScalars
        guard let end = scalars.index(scalars.startIndex, offsetBy: count, limitedBy: scalars.endIndex),
            end < scalars.endIndex
        else { return text }
        return String(scalars.prefix(count - 1)) + "…"
    }
}
