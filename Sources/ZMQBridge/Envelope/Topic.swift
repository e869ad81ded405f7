internal import Diagnosis

/// Frame 0 of an envelope: `<data_type>/<node_type>/<node_rank>/`. The closing slash keeps rank 1 from matching rank 10.
struct Topic: Hashable {
    var dataType: DiagnosisDataType
    var nodeType: String
    var nodeRank: Int

    /// What control messages begin with.
    static let control = UInt8(ascii: "$")
    /// The publisher's beat, every second.
    static let beat = Array("$beat/".utf8)
    /// A consumer subscribes to this with a unique name appended; the publisher answers under that topic at once with a beat.
    static let hello = Array("$hello/".utf8)

    /// The control messages of the replay socket.
    static let replayStart = Array("$start/".utf8)
    static let replayGap = Array("$gap/".utf8)
    static let replayEnd = Array("$end/".utf8)
    static let done = Array("$done/".utf8)
    static let status = Array("$status/".utf8)
    static let error = Array("$error/".utf8)

    var bytes: [UInt8] {
        Array("\(dataType.rawValue)/\(nodeType)/\(nodeRank)/".utf8)
    }

    /// What to subscribe to for all envelopes of a type.
    static func prefix(for dataType: DiagnosisDataType) -> [UInt8] {
        Array("\(dataType.rawValue)/".utf8)
    }

    init(dataType: DiagnosisDataType, nodeType: String, nodeRank: Int) {
        self.dataType = dataType
        self.nodeType = nodeType
        self.nodeRank = nodeRank
    }

    /// Reads a topic; `nil` if it is none.
    init?(_ bytes: some Sequence<UInt8>) {
        let words = String(decoding: Array(bytes), as: UTF8.self).split(
            separator: "/", omittingEmptySubsequences: false)
        guard words.count == 4, words[3].isEmpty, let rank = Int(words[2]), TopicWord.isValid(String(words[1])),
            TopicWord.isValid(String(words[0]))
        else { return nil }
        self.init(
            dataType: DiagnosisDataType(rawValue: String(words[0])), nodeType: String(words[1]), nodeRank: rank)
    }
}
