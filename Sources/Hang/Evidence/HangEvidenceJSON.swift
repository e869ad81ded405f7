private import FoundationEssentials

/// What is known, as it travels from node to node.
package enum HangEvidenceJSON {
    /// The same evidence gives the same bytes.
    package static func bytes(of evidence: HangEvidence) -> [UInt8]? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(evidence)).map { Array($0) }
    }
}
