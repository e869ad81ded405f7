private import FoundationEssentials

/// A file that somebody names as evidence: what it is is seen from its first bytes, and whose it is from its name.
package enum EvidenceFile {
    /// The rank that a name ends in: 3 of `rank_3`, `nccl_trace_rank_3`, `trace.3`, `rank_3.json`.
    package static func rank(inName path: String) -> Int? {
        var name = path.split(separator: "/").last.map { $0[...] } ?? ""
        while let dot = name.lastIndex(of: "."), dot > name.startIndex {
            let suffix = name[name.index(after: dot)...]
            guard !suffix.isEmpty, suffix.allSatisfy(\.isLetter) else { break }
            name = name[..<dot]
        }
        let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, digits.count <= 7 else { return nil }
        return Int(String(digits.reversed()))
    }

    /// What a file holds.
    package enum Content {
        case recording(FlightRecorderDump)
        case stacks([RankStacks])
        case evidence(HangEvidence)
    }

    /// - Parameters:
    ///   - rank: whose it is, where the file does not say.
    ///   - source: what to call it.
    /// - Throws: `FlightRecorderError`, with a sentence for an operator.
    package static func content(of bytes: [UInt8], rank: Int?) throws(FlightRecorderError) -> Content {
        guard let first = bytes.first(where: { !" \n\r\t".utf8.contains($0) }) else {
            throw FlightRecorderError(reason: "it is empty")
        }
        if bytes.first == 0x80 { return .recording(try FlightRecorderReader.dump(of: bytes)) }
        if first == UInt8(ascii: "{") {
            if let evidence = try? JSONDecoder().decode(HangEvidence.self, from: Data(bytes)) {
                return .evidence(evidence)
            }
            if let stacks = try? JSONDecoder().decode(RankStacks.self, from: Data(bytes)) {
                return .stacks([named(stacks, rank)])
            }
            return .recording(try FlightRecorderReader.dump(of: bytes))
        }
        if first == UInt8(ascii: "["), let stacks = try? JSONDecoder().decode([RankStacks].self, from: Data(bytes)) {
            return .stacks(stacks.map { named($0, rank) })
        }
        if first == UInt8(ascii: "["), let stacks = PySpyJSON.stacks(in: bytes, rank: rank) { return .stacks([stacks]) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FlightRecorderError(reason: "it is neither a Flight Recorder dump nor text")
        }
        if let threads = FaulthandlerText.threads(in: text) {
            return .stacks([RankStacks(rank: rank, source: "faulthandler", threads: threads)])
        }
        let stacks = PySpyText.stacks(in: text, rank: rank)
        guard !stacks.isEmpty else {
            throw FlightRecorderError(
                reason: "it is neither a Flight Recorder dump (pickle, JSON) nor stacks (py-spy, faulthandler)")
        }
        return .stacks(stacks)
    }

    private static func named(_ stacks: RankStacks, _ rank: Int?) -> RankStacks {
        var stacks = stacks
        stacks.rank = stacks.rank ?? rank
        return stacks
    }
}
