import NIOCore
import TestSupport
import Testing

/// An HTTP/1.1 client that sends what a test writes, one request after the other on one connection.
struct PostClient {
    struct Answer {
        var status: Int
        var headers: [String: String]
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    let raw: RawClient

    static func connect(port: Int) async throws -> PostClient {
        PostClient(raw: try await RawClient.connect(port: port))
    }

    /// What DLRover's client sends, with these headers in place of its own; `nil` takes one away.
    static func request(
        _ path: String = "/report", method: String = "POST", _ body: [UInt8] = Array("{}".utf8),
        _ changes: [String: String?] = [:]
    ) -> [UInt8] {
        var headers: [String: String?] = [
            "Host": "127.0.0.1:50052", "User-Agent": "python-requests/2.34.2", "Accept-Encoding": "gzip, deflate",
            "Accept": "application/json", "Connection": "keep-alive", "Content-Type": "application/json",
            "job_uid": "", "Content-Length": "\(body.count)",
        ]
        headers.merge(changes) { $1 }
        let lines = headers.sorted { $0.key < $1.key }.compactMap { name, value in value.map { "\(name): \($0)\r\n" } }
        return Array("\(method) \(path) HTTP/1.1\r\n\(lines.joined())\r\n".utf8) + body
    }

    static func request(_ changes: [String: String?]) -> [UInt8] { request("/report", Array("{}".utf8), changes) }

    func send(_ request: [UInt8]) { raw.send(request) }

    /// Waits for the answer number `count` of this connection.
    func answer(_ count: Int = 1) async throws -> Answer {
        var found: Answer?
        try await eventually {
            found = Self.answers(in: raw.received).dropFirst(count - 1).first
            return found != nil
        }
        return found!
    }

    func call(_ request: [UInt8]) async throws -> Answer {
        send(request)
        return try await answer()
    }

    /// Those that are whole. Each says how long it is.
    static func answers(in bytes: [UInt8]) -> [Answer] {
        var answers: [Answer] = []
        var rest = bytes[...]
        let blank = Array("\r\n\r\n".utf8)
        while let end = rest.indices.first(where: { rest[$0...].starts(with: blank) }) {
            let lines = String(decoding: rest[..<end], as: UTF8.self).split(separator: "\r\n")
            let headers = lines.dropFirst().map { $0.split(separator: ":", maxSplits: 1) }.reduce(into: [:]) {
                $0[$1[0].lowercased()] = $1.count > 1 ? $1[1].drop { $0 == " " }.description : ""
            }
            let status = Int(lines[0].split(separator: " ")[1]) ?? 0
            let length = Int(headers["content-length"] ?? "") ?? 0
            rest = rest[(end + blank.count)...]
            guard status >= 200 else { continue }
            guard rest.count >= length else { break }
            answers.append(Answer(status: status, headers: headers, body: Array(rest.prefix(length))))
            rest = rest.dropFirst(length)
        }
        return answers
    }
}
