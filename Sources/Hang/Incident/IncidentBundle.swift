private import FoundationEssentials

/// An incident as files: `incident.json` says what there is and what is missing, and each piece is a file in its own format, for whatever tool
/// reads that.
package enum IncidentBundle {
    package static let index = "incident.json"

    /// A file of a bundle, by its path within it.
    package struct File: Hashable, Sendable {
        package var name: String
        package var content: [UInt8]

        package init(name: String, content: [UInt8]) {
            self.name = name
            self.content = content
        }
    }

    private struct Index: Codable {
        var incident: String
        var node: String
        var begun: Int64
        var triggers: [HangSuspicion]
        var end: IncidentRecord.End?
        var pieces: [Entry]
    }

    private struct Entry: Codable {
        var kind: EvidencePiece.Kind
        var rank: Int?
        var source: String
        var time: Int64
        var last_line: Int64?
        var missing: String?
        var file: String?
    }

    /// The index first, then the answer as text, then the pieces.
    package static func files(of incident: Incident) -> [File] {
        var files: [File] = []
        var entries: [Entry] = []
        var used: Set<String> = []
        for piece in incident.pieces {
            var entry = Entry(
                kind: piece.kind, rank: piece.rank, source: piece.source, time: piece.time, last_line: piece.lastLine,
                missing: piece.missing)
            if piece.missing == nil {
                let file = File(name: name(of: piece, unlike: &used), content: piece.content)
                entry.file = file.name
                files.append(file)
            }
            entries.append(entry)
        }
        let index = Index(
            incident: incident.id, node: incident.node, begun: incident.begun, triggers: incident.triggers,
            end: incident.end, pieces: entries)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let json = (try? encoder.encode(index)).map { Array($0) } ?? []
        return [File(name: Self.index, content: json + [0x0A])] + files
    }

    /// `flight-recorder/rank_3`, `stacks/rank_3.2.json`: what ends in the rank, other tools find as well.
    private static func name(of piece: EvidencePiece, unlike used: inout Set<String>) -> String {
        let stem: String
        if let rank = piece.rank {
            stem = "\(piece.kind.rawValue)/rank_\(rank)"
        } else {
            stem = "\(piece.kind.rawValue)/node"
        }
        let isJSON = piece.content.first == UInt8(ascii: "{") || piece.content.first == UInt8(ascii: "[")
        let suffix =
            isJSON
            ? ".json"
            : piece.kind == .flightRecorder ? "" : piece.kind == .log || piece.kind == .kernelLog ? ".log" : ".txt"
        var name = stem + suffix
        var number = 2
        while !used.insert(name).inserted {
            name = "\(stem).\(number)\(suffix)"
            number += 1
        }
        return name
    }

    /// Reads a bundle again.
    ///
    /// - Parameters:
    ///   - index: what is in `incident.json`.
    ///   - content: of the file with that path in the bundle; `nil` if there is none.
    /// - Returns: `nil` if the index can't be read.
    package static func incident(index: [UInt8], content: (String) -> [UInt8]?) -> Incident? {
        guard let index = try? JSONDecoder().decode(Index.self, from: Data(index)) else { return nil }
        var incident = Incident(id: index.incident, node: index.node, begun: index.begun)
        incident.triggers = index.triggers
        incident.end = index.end
        for entry in index.pieces {
            var piece = EvidencePiece(
                kind: entry.kind, rank: entry.rank, source: entry.source, time: entry.time, content: [],
                missing: entry.missing)
            piece.lastLine = entry.last_line
            if let file = entry.file {
                // A name that leads elsewhere is no file of the bundle.
                if !file.hasPrefix("/"), !file.split(separator: "/").contains(".."), let content = content(file) {
                    piece.content = content
                } else {
                    piece.missing = "\(file) is not in the bundle"
                }
            }
            incident.pieces.append(piece)
        }
        return incident
    }
}
