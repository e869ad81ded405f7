/// What libzmq asks about a client: ZAP 1.0 (rfc.zeromq.org/spec/27), as a ROUTER gets it.
struct ZAPRequest: Hashable {
    /// Comes before the answer: who asks, and an empty frame.
    let path: [[UInt8]]
    /// Names the request in its answer.
    let id: [UInt8]
    /// The client's address, without its port.
    let address: String
    /// The client's public key; `nil` if it is not one of CURVE.
    let key: CurveKey?

    /// - Returns: `nil` for a message of another shape.
    init?(_ frames: [[UInt8]]) {
        guard let delimiter = frames.firstIndex(where: \.isEmpty), delimiter > 0 else { return nil }
        let parts = Array(frames[(delimiter + 1)...])
        // Version, id, domain, address, routing id, mechanism, credentials.
        guard parts.count >= 6, parts[0] == Self.version else { return nil }
        path = Array(frames[...delimiter])
        id = parts[1]
        address = String(decoding: parts[3], as: UTF8.self)
        key = parts[5] == Array("CURVE".utf8) && parts.count == 7 ? CurveKey(bytes: parts[6]) : nil
    }

    fileprivate static let version = Array("1.0".utf8)
}

/// The answer.
enum ZAPAnswer: Hashable {
    /// The client is let in, under a name.
    case welcome(name: String)
    /// It is refused, and told so: the status is 400.
    case refused(String)

    /// The whole message.
    func frames(for request: ZAPRequest) -> [[UInt8]] {
        let (status, text, name) =
            switch self {
            case .welcome(let name): ("200", "OK", name)
            case .refused(let reason): ("400", reason, "")
            }
        return request.path + [ZAPRequest.version, request.id] + [status, text, name, ""].map { Array($0.utf8) }
    }
}
