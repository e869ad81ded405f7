private import FoundationEssentials

/// Where on the node a metric's content came from: which part of which file.
///
/// It travels beside the metric, in the extension of the bus header (`docs/wire-format.md`, "Origin"), never in the metric's own JSON, whose
/// keys are DLRover's.
package struct MetricOrigin: Hashable, Sendable, Codable {
    /// The most bytes that its JSON may have: a path of 4096 bytes with every byte escaped fits.
    package static let largest = 32 << 10

    /// The file's absolute path, as it was followed.
    package var path: String
    package var device: UInt64
    package var inode: UInt64
    /// Offsets in the file, in bytes: of the first byte, and of the one after the last.
    package var firstOffset: UInt64
    package var endOffset: UInt64
    /// How many lines of the file.
    package var lines: Int
    /// The times that the first and the last line with one say, in seconds since 1970; `nil` if no line says one.
    package var firstTime: Double?
    package var lastTime: Double?
    /// torchrun's run id, attempt and local rank, where the path tells them.
    package var run: String?
    package var attempt: Int?
    package var localRank: Int?
    /// `stdout` or `stderr`, where it is known.
    package var stream: String?
    /// `stdout 3, stderr 1`: how many lines came in turn from each, where lines of both are mixed.
    package var streams: String?
    /// Whether these lines were left out by the rate limit: the content only says so, and no master gets it.
    package var isShed = false

    enum CodingKeys: String, CodingKey {
        case path, device, inode, lines, run, attempt, stream, streams
        case firstOffset = "first_offset"
        case endOffset = "end_offset"
        case firstTime = "first_time"
        case lastTime = "last_time"
        case localRank = "local_rank"
        case isShed = "shed"
    }

    package init(
        path: String, device: UInt64, inode: UInt64, firstOffset: UInt64, endOffset: UInt64, lines: Int
    ) {
        self.path = path
        self.device = device
        self.inode = inode
        self.firstOffset = firstOffset
        self.endOffset = endOffset
        self.lines = lines
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        path = try values.decode(String.self, forKey: .path)
        device = try values.decodeIfPresent(UInt64.self, forKey: .device) ?? 0
        inode = try values.decodeIfPresent(UInt64.self, forKey: .inode) ?? 0
        firstOffset = try values.decode(UInt64.self, forKey: .firstOffset)
        endOffset = try values.decode(UInt64.self, forKey: .endOffset)
        lines = try values.decodeIfPresent(Int.self, forKey: .lines) ?? 0
        firstTime = try values.decodeIfPresent(Double.self, forKey: .firstTime)
        lastTime = try values.decodeIfPresent(Double.self, forKey: .lastTime)
        run = try values.decodeIfPresent(String.self, forKey: .run)
        attempt = try values.decodeIfPresent(Int.self, forKey: .attempt)
        localRank = try values.decodeIfPresent(Int.self, forKey: .localRank)
        stream = try values.decodeIfPresent(String.self, forKey: .stream)
        streams = try values.decodeIfPresent(String.self, forKey: .streams)
        isShed = try values.decodeIfPresent(Bool.self, forKey: .isShed) ?? false
    }

    /// Reads `json`; `nil` if it is none, or too large. Keys of later versions are ignored.
    package init?(json: some Sequence<UInt8>) {
        let data = Data(json)
        guard !data.isEmpty, data.count <= Self.largest, let origin = try? JSONDecoder().decode(Self.self, from: data)
        else { return nil }
        self = origin
    }

    /// The origin that `json` holds, as `json` writes it; `nil` if it is none. Mostly these are the same bytes, and are not read.
    package static func rewritten(_ json: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        OriginText.isCanonical(json) ? json : MetricOrigin(json: json)?.json[...]
    }

    /// One JSON object on one line, in a fixed order, without the keys that have no value.
    package var json: [UInt8] {
        var json = Array("{".utf8)
        append("path", path, to: &json)
        json += ", \"device\": \(device), \"inode\": \(inode)".utf8
        json += ", \"first_offset\": \(firstOffset), \"end_offset\": \(endOffset), \"lines\": \(lines)".utf8
        for (key, time) in [("first_time", firstTime), ("last_time", lastTime)] {
            guard let time, time.isFinite, abs(time) < 1e12 else { continue }
            json += ", \"\(key)\": \(Self.text(time))".utf8
        }
        if let run { append("run", run, to: &json) }
        if let attempt { json += ", \"attempt\": \(attempt)".utf8 }
        if let localRank { json += ", \"local_rank\": \(localRank)".utf8 }
        if let stream { append("stream", stream, to: &json) }
        if let streams { append("streams", streams, to: &json) }
        if isShed { json += ", \"shed\": true".utf8 }
        json.append(UInt8(ascii: "}"))
        return json
    }

    private func append(_ key: String, _ text: String, to json: inout [UInt8]) {
        json += "\(json.count > 1 ? ", " : "")\"\(key)\": \"".utf8
        var text = text
        text.withUTF8 { JSONString.appendEscaped($0, to: &json) }
        json.append(UInt8(ascii: "\""))
    }

    /// With three decimals, as whole milliseconds.
    private static func text(_ time: Double) -> String {
        let milliseconds = Int64((time * 1000).rounded())
        let (seconds, rest) = milliseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
        let decimals = String(rest + 1000).dropFirst()
        return "\(milliseconds < 0 ? "-" : "")\(seconds).\(decimals)"
    }
}
