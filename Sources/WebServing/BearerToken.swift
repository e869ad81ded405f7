internal import HTTPTypes
package import Hummingbird

/// A secret with which a caller shows that it may ask.
package struct BearerToken: Sendable {
    package let secret: String

    package init(_ secret: String) { self.secret = secret }

    /// Whether the request has the header `Authorization: Bearer TOKEN`.
    package func isBrought(by request: Request) -> Bool {
        guard let given = request.headers[.authorization], given.hasPrefix("Bearer ") else { return false }
        return isEqual(String(given.dropFirst(7)))
    }

    /// Takes as long for a wrong text as for the right one.
    package func isEqual(_ text: String) -> Bool {
        let (text, secret) = (Array(text.utf8), Array(secret.utf8))
        guard text.count == secret.count else { return false }
        return zip(text, secret).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
