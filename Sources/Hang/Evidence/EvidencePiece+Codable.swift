private import FoundationEssentials

/// As JSON: `text` for content that is text, `base64` for the rest.
extension EvidencePiece: Codable {
    private enum CodingKeys: String, CodingKey {
        case kind, rank, source, time, text, base64, missing
        case lastLine = "last_line"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        kind = try values.decode(Kind.self, forKey: .kind)
        rank = try values.decodeIfPresent(Int.self, forKey: .rank)
        source = try values.decode(String.self, forKey: .source)
        time = try values.decode(Int64.self, forKey: .time)
        lastLine = try values.decodeIfPresent(Int64.self, forKey: .lastLine)
        missing = try values.decodeIfPresent(String.self, forKey: .missing)
        if let text = try values.decodeIfPresent(String.self, forKey: .text) {
            content = Array(text.utf8)
        } else if let data = try values.decodeIfPresent(Data.self, forKey: .base64) {
            content = Array(data)
        } else {
            content = []
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(kind, forKey: .kind)
        try values.encodeIfPresent(rank, forKey: .rank)
        try values.encode(source, forKey: .source)
        try values.encode(time, forKey: .time)
        try values.encodeIfPresent(lastLine, forKey: .lastLine)
        try values.encodeIfPresent(missing, forKey: .missing)
        guard missing == nil else { return }
        if let text = String(validating: content, as: UTF8.self), !text.utf8.contains(0) {
            try values.encode(text, forKey: .text)
        } else {
            try values.encode(Data(content), forKey: .base64)
        }
    }
}
