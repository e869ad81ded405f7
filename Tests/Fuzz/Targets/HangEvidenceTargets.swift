internal import Diagnosis
internal import Hang

/// What `arobust hang` reads: dumps, stacks, bundles, records.
extension FuzzTarget {
    static let hangEvidence = [FuzzTarget("hang-evidence", evidence), FuzzTarget("hang-bundle", bundle)]

    private static func evidence(_ bytes: [UInt8]) {
        var reader = EvidenceReader()
        for (index, part) in [bytes, Array(bytes.dropLast(bytes.count / 2))].enumerated() {
            switch try? EvidenceFile.content(of: part, rank: index) {
            case .recording(let dump):
                var evidence = HangEvidence()
                evidence.collectives = CollectiveSummary(dump, rank: index)
                reader.add(evidence)
            case .stacks(let stacks): reader.add(stacks, node: "0")
            case .evidence(let evidence): reader.add(evidence)
            case nil: break
            }
        }
        let evidence = reader.evidence
        var twice = evidence
        twice.merge(evidence)
        require(twice == evidence, "evidence merged with itself is another one")
        let answer = HangAnswer(evidence)
        require(!answer.sentence.isEmpty, "there is no sentence")
        require(answer.json.text != nil, "the answer can't be written")
        _ = HangText(answer).lines
        require(FlameGraph(answer.stacks).svg.count < 64 << 20, "a graph is without end")
    }

    private static func bundle(_ bytes: [UInt8]) {
        let files = TarArchive.files(in: bytes)
        if let index = files.first(where: { $0.name == IncidentBundle.index }) {
            let incident = IncidentBundle.incident(index: index.content) { name in
                files.first { $0.name == name }?.content
            }
            if let incident { _ = HangAnswer(incident.evidence).sentence }
        }
        if let record = IncidentRecord(content: bytes.text) {
            require(IncidentRecord(content: record.content) == record, "a record is not read back")
        }
    }
}
