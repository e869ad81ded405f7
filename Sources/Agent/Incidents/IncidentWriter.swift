internal import Diagnosis
internal import Hang
internal import Logging
internal import SystemSupport

/// Publishes one incident, record by record, and works out on the way what it comes to.
actor IncidentWriter {
    /// How long a summary for a master that reads stacks may be, in bytes.
    private static let longestSummary = 64 << 10

    private let id: String
    private let node: NodeIdentity
    private let client: any UrgentReporter
    private let size: Int
    private let logger: Logger
    private var reader = EvidenceReader()
    private var number = 0
    private var bytes = 0
    private var pieces = 0
    private var missing = 0
    private var hasFailed = false

    init(id: String, node: NodeIdentity, client: any UrgentReporter, size: Int, logger: Logger) {
        self.id = id
        self.node = node
        self.client = client
        self.size = size
        self.logger = logger
    }

    func begin(_ triggers: [HangSuspicion]) async {
        var record = nextRecord()
        record.triggers = triggers
        await publish(record)
    }

    func add(_ piece: EvidencePiece) async {
        var piece = piece
        // What the node makes of it is small, and always has room.
        if piece.kind != .summary, bytes + piece.content.count > size {
            piece = .missing(
                piece.kind, rank: piece.rank, source: piece.source, time: piece.time,
                because: "its \(piece.content.count) bytes have no room in the bundle; incidents.size allows \(size)")
        }
        bytes += piece.content.count
        pieces += 1
        if piece.missing != nil { missing += 1 }
        reader.add(piece, node: "\(node.rank)")
        var record = nextRecord()
        record.piece = piece
        await publish(record)
    }

    /// Publishes the node's summary, the end, and for those who read stacks the answer as text.
    func end(_ late: [HangSuspicion]) async -> IncidentRecord.End {
        let evidence = reader.evidence
        let answer = HangAnswer(evidence)
        if let json = evidence.json {
            await add(EvidencePiece(kind: .summary, source: "arobust", time: WallClock.seconds(), content: json))
        }
        let end = IncidentRecord.End(
            time: WallClock.seconds(), hang: answer.isHang, sentence: answer.sentence, pieces: pieces, missing: missing)
        var record = nextRecord()
        if !late.isEmpty { record.triggers = late }
        record.end = end
        await publish(record)
        // Where nothing is known of any rank, there is nothing to tell a master.
        guard !evidence.known.isEmpty else { return end }
        let lines = ["arobust incident \(id): \(answer.sentence)"] + HangText(answer).lines.dropFirst()
        let text = lines.map { SecretText.line($0) }.joined(separator: "\n")
        await send(.stackTrace, String(decoding: text.utf8.prefix(Self.longestSummary), as: UTF8.self))
        return end
    }

    /// Takes its number before anything is waited for: pieces come from several sources at once.
    private func nextRecord() -> IncidentRecord {
        defer { number += 1 }
        return IncidentRecord(incident: id, number: number)
    }

    private func publish(_ record: IncidentRecord) async {
        await send(.incident, record.content)
    }

    private func send(_ type: DiagnosisDataType, _ content: String) async {
        do {
            try await client.reportUrgently([WorkerTrainingMetric(dataType: type, dataContent: content, node: node)])
        } catch {
            // One line an incident: where one piece can't be published, the others can't either.
            if !hasFailed {
                logger.error(
                    "A piece of the incident was not published.", metadata: ["incident": "\(id)", "error": "\(error)"])
            }
            hasFailed = true
        }
    }
}
