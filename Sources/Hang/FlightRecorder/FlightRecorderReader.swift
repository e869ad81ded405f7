internal import SystemSupport

/// Reads a Flight Recorder dump: the pickle that PyTorch writes into files, or the JSON of its worker server.
package enum FlightRecorderReader {
    /// A dump holds at most so many entries; the newest are taken.
    package static let mostEntries = 200_000
    private static let mostMembers = 128
    private static let longestText = 256

    /// - Throws: `FlightRecorderError`.
    package static func dump(of bytes: [UInt8]) throws(FlightRecorderError) -> FlightRecorderDump {
        let first = bytes.first { !" \n\r\t".utf8.contains($0) }
        guard let first else { throw FlightRecorderError(reason: "it is empty") }
        if first == UInt8(ascii: "{") {
            return try dump(of: try FlightRecorderJSON.value(of: bytes))
        }
        guard bytes.first == 0x80 else {
            throw FlightRecorderError(reason: "it is neither a pickle of protocol 2 or newer nor a JSON object")
        }
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(PlainPickleError) in try PlainPickle.value(of: bytes) }
        }
        switch result {
        case .success(let value): return try dump(of: value)
        case .failure(let error): throw FlightRecorderError(reason: "\(error)")
        }
    }

    private static func dump(of value: PlainValue) throws(FlightRecorderError) -> FlightRecorderDump {
        guard let entries = value["entries"]?.items ?? (value["pg_config"] == nil ? nil : []) else {
            throw FlightRecorderError(reason: "it is no Flight Recorder dump: it has no list 'entries'")
        }
        var dump = FlightRecorderDump()
        dump.version = text(value["version"]) ?? ""
        for member in value["pg_config"]?.members.prefix(mostEntries) ?? [] { dump.groups.append(group(member)) }
        for member in value["pg_status"]?.members.prefix(mostEntries) ?? [] {
            guard let number = Int(member.key) else { continue }
            dump.status[number] = FlightRecorderDump.Status(
                lastEnqueued: member.value["last_enqueued_collective"]?.integer ?? -1,
                lastStarted: member.value["last_started_collective"]?.integer ?? -1,
                lastCompleted: member.value["last_completed_collective"]?.integer ?? -1)
        }
        var sites = CallSites()
        dump.entries = entries.suffix(mostEntries).compactMap { entry($0, &sites) }
        if dump.entries.isEmpty, !entries.isEmpty {
            throw FlightRecorderError(reason: "none of its \(entries.count) entries is one of a Flight Recorder")
        }
        return dump
    }

    private static func group(_ member: PlainValue.Member) -> FlightRecorderDump.Group {
        // PyTorch writes the ranks as a text: "[0, 1, 2]".
        let ranks: [Int]
        if let items = member.value["ranks"]?.items {
            ranks = items.compactMap(\.integer)
        } else {
            ranks = (member.value["ranks"]?.string ?? "").split(whereSeparator: { "[], ".contains($0) })
                .compactMap { Int($0) }
        }
        return FlightRecorderDump.Group(
            name: TerminalText.line(member.key, limit: longestText), description: text(member.value["desc"]) ?? "",
            ranks: ranks.filter { 0..<1_000_000 ~= $0 })
    }

    private static func entry(_ value: PlainValue, _ sites: inout CallSites) -> FlightRecorderEntry? {
        guard case .dictionary(let members) = value, members.count <= mostMembers,
            let group = value["process_group"]?.items, let name = text(value["profiling_name"])
        else { return nil }
        return FlightRecorderEntry(
            groupNumber: value["pg_id"]?.integer ?? -1, groupName: text(group.first) ?? "",
            groupDescription: group.count > 1 ? text(group[1]) ?? "" : "",
            collectiveSequence: value["collective_seq_id"]?.integer ?? 0,
            pointToPointSequence: value["p2p_seq_id"]?.integer ?? 0,
            operation: String(
                name.drop { $0 != ":" }.dropFirst().isEmpty ? name[...] : name.drop { $0 != ":" }.dropFirst()),
            created: Int64(value["time_created_ns"]?.integer ?? 0),
            inputSizes: list(value["input_sizes"]), outputSizes: list(value["output_sizes"]),
            dataTypes: list(value["input_dtypes"]), state: text(value["state"]) ?? "",
            isRetired: value["retired"]?.isTrue ?? false, isPointToPoint: value["is_p2p"]?.isTrue ?? false,
            callSite: sites.site(of: value["frames"]))
    }

    private static func text(_ value: PlainValue?) -> String? {
        switch value {
        case .string(let text)?: TerminalText.line(text, limit: longestText)
        case .int(let number)?: "\(number)"
        default: nil
        }
    }

    /// Lists of sizes or types, as one text: `[[1024, 8], [4]]`.
    private static func list(_ value: PlainValue?) -> String {
        var text = ""
        append(value ?? .none, to: &text, depth: 0)
        return text.utf8.count <= 1024 ? text : String(text.prefix(1000)) + "…"
    }

    private static func append(_ value: PlainValue, to text: inout String, depth: Int) {
        guard text.utf8.count <= 1024, depth < 4 else { return }
        switch value {
        case .list(let items):
            text += "["
            for (index, item) in items.prefix(512).enumerated() {
                if index > 0 { text += ", " }
                append(item, to: &text, depth: depth + 1)
            }
            text += "]"
        case .int(let number): text += "\(number)"
        case .string(let name): text += TerminalText.line(name, limit: 64)
        default: break
        }
    }
}

/// Finds where the program called an operation. Many entries have the same frames.
private struct CallSites {
    private var known: [[PlainValue]: String?] = [:]

    mutating func site(of frames: PlainValue?) -> String? {
        guard let frames = frames?.items, !frames.isEmpty, frames.count <= 1000 else { return nil }
        if let site = known[frames] { return site }
        let places = frames.compactMap { frame -> String? in
            guard let file = frame["filename"]?.string, !file.isEmpty, let line = frame["line"]?.integer else {
                return nil
            }
            return "\(file):\(line)"
        }
        let own = places.first { !$0.contains("/torch/") && !$0.contains("<frozen") } ?? places.first
        let site = own.map { TerminalText.line(String($0.split(separator: "/").last ?? ""), limit: 256) }
        if known.count < 10_000 { known[frames] = .some(site) }
        return site
    }
}

/// Why a dump was not read: a sentence without its subject, as in `rank_3: it ends in the middle of a value`.
package struct FlightRecorderError: Error, Hashable, CustomStringConvertible {
    package let reason: String

    package init(reason: String) {
        self.reason = reason
    }

    package var description: String { reason }
}
