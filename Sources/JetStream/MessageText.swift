private import FoundationEssentials

/// The headers of a stored message, as a server gives them.
enum MessageText {
    /// - Parameter base64: `NATS/1.0` and a line for each header.
    static func headers(base64: String) -> [String: String] {
        guard let data = Data(base64Encoded: base64) else { return [:] }
        var headers: [String: String] = [:]
        for line in String(decoding: data, as: UTF8.self).split(separator: "\r\n").dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...]
            headers[String(line[..<colon])] = String(value.drop { $0 == " " })
        }
        return headers
    }
}
