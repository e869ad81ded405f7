private import Foundation

/// What ingest answers to a request: how many metrics it took, and why not the others. JSON on the wire.
public struct IngestAnswer: Codable, Hashable, Sendable {
    /// A metric that was not taken.
    public struct Refusal: Codable, Hashable, Sendable {
        /// Its place in the request, from 0.
        public var index: Int
        public var reason: String
    }

    public var accepted: Int
    public var refused: [Refusal]
    /// `true` if the journal could not be written: what was accepted is on the bus, and nowhere else. Not there otherwise.
    public var volatile: Bool?

    func encode() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Numbers and strings: nothing here can fail to encode.
        return (try? encoder.encode(self)).map(Array.init) ?? []
    }

    init(accepted: Int, refused: [Refusal]) {
        self.accepted = accepted
        self.refused = refused
    }

    init(_ json: [UInt8]) throws {
        self = try JSONDecoder().decode(IngestAnswer.self, from: Data(json))
    }
}
