internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Why a request gets no answer, as the caller is told: `{"error": "…"}`.
struct Refusal: Error {
    let status: HTTPResponse.Status
    /// A sentence that names what is wrong and what is allowed.
    let sentence: String
    var headers = HTTPFields()

    init(_ status: HTTPResponse.Status, _ sentence: String, headers: HTTPFields = [:]) {
        self.status = status
        self.sentence = sentence
        self.headers = headers
    }

    static func notFound(_ what: String) -> Refusal { Refusal(.notFound, what) }
    static func badRequest(_ why: String) -> Refusal { Refusal(.badRequest, why) }

    var response: Response {
        var response = Response.json(JSONText.object { $0.member("error", sentence) })
        response.status = status
        response.headers.append(contentsOf: headers)
        return response
    }
}

extension Response {
    static func json(_ bytes: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> Response {
        Response(
            status: .ok, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

/// What every answer says to browsers: nothing from elsewhere, no script within a page, no frame around it.
enum SecurityHeaders {
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    private static let resourcePolicy = HTTPField.Name("Cross-Origin-Resource-Policy")
    private static let openerPolicy = HTTPField.Name("Cross-Origin-Opener-Policy")
    private static let referrerPolicy = HTTPField.Name("Referrer-Policy")

    static func add(to fields: inout HTTPFields) {
        fields[.contentSecurityPolicy] = policy
        fields[.xContentTypeOptions] = "nosniff"
        if let referrerPolicy { fields[referrerPolicy] = "no-referrer" }
        if let resourcePolicy { fields[resourcePolicy] = "same-origin" }
        if let openerPolicy { fields[openerPolicy] = "same-origin" }
        if !fields.contains(.cacheControl) { fields[.cacheControl] = "no-store" }
    }
}
