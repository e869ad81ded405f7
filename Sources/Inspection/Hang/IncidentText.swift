package import Diagnosis
internal import Hang
internal import SystemSupport

extension StoredJournal {
    /// An incident with its pieces.
    ///
    /// - Parameter id: `nil`: the newest.
    /// - Throws: `InspectionError` with those that there are, if there is none of that id.
    package func incident(_ id: String?) throws -> StoredIncident {
        let ids = try incidents().map(\.incident.id)
        guard let wanted = id ?? ids.last else {
            throw InspectionError(.notThere, "no incident is in the journal of \(stateDirectory)")
        }
        guard let found = try incidents(keepingPiecesOf: { $0 == wanted }).last(where: { $0.incident.id == wanted })
        else {
            let known = ids.isEmpty ? "none" : ids.suffix(10).joined(separator: ", ")
            throw InspectionError(
                .notThere,
                "there is no incident \(HumanText.line(wanted)) in the journal of \(stateDirectory); it has \(known)")
        }
        return found
    }
}

extension StoredIncident {
    /// For a terminal.
    package static func lines(of incidents: [StoredIncident]) -> [String] {
        guard !incidents.isEmpty else { return ["No incident is in the journal."] }
        var table = TextTable([
            .text("INCIDENT"), .text("NODE"), .number("PIECES"), .number("MISSING"), .text("BEGUN FOR"),
            .text("ANSWER"),
        ])
        for stored in incidents {
            let incident = stored.incident
            table.add([
                HumanText.line(incident.id), HumanText.line(incident.node), "\(stored.pieces)", "\(stored.missing)",
                HumanText.line(incident.triggers.first?.text ?? "-"),
                HumanText.line(incident.end?.sentence ?? "no end: under way, or cut short"),
            ])
        }
        return table.lines
    }

    /// What `arobust incident list --json` has of it.
    package var json: JSONValue {
        .object([
            "incident": .string(incident.id), "node": .string(incident.node), "begun": .int(incident.begun),
            "pieces": .int(Int64(pieces)), "missing": .int(Int64(missing)),
            "triggers": .array(
                incident.triggers.map { trigger in
                    .object([
                        "trigger": .string(trigger.trigger.rawValue), "text": .string(trigger.text),
                        "time": .int(trigger.time), "rank": trigger.rank.map { .int(Int64($0)) } ?? .null,
                    ])
                }),
            "ended": incident.end.map { .int($0.time) } ?? .null,
            "hang": incident.end.map { .bool($0.hang) } ?? .null,
            "sentence": incident.end.map { .string($0.sentence) } ?? .null,
        ])
    }

    /// What began it.
    package var head: [String] {
        ["incident \(incident.id) of node \(incident.node), begun \(TimeText.write(incident.begun)) for"]
            + incident.triggers.map { "  \(TimeText.write($0.time))  \($0.trigger.rawValue): \($0.text)" }
            + (incident.end == nil ? ["It has no end: it is under way, or was cut short."] : [])
    }

    /// What it is made of.
    package var pieceLines: [String] {
        var table = TextTable([.text("PIECE"), .text("RANK"), .number("BYTES"), .text("FROM")])
        for piece in incident.pieces {
            table.add([
                piece.kind.rawValue, piece.rank.map { "\($0)" } ?? "-",
                piece.missing == nil ? HumanText.bytes(piece.content.count) : "missing",
                piece.missing.map { "\(piece.source): \($0)" } ?? piece.source,
            ])
        }
        return table.lines
    }
}
