private import FoundationEssentials
package import HTTPTypes
package import Hummingbird
internal import NIOCore

/// Why a request gets no answer, as the caller is told: `{"error": "…"}`.
package struct Refusal: Error {
    package let status: HTTPResponse.Status
    /// A sentence that names what is wrong and what is allowed.
    package let sentence: String
    package var headers = HTTPFields()

    package init(_ status: HTTPResponse.Status, _ sentence: String, headers: HTTPFields = [:]) {
        self.status = status
        self.sentence = sentence
        self.headers = headers
    }

    package static func notFound(_ what: String) -> Refusal { Refusal(.notFound, what) }
    package static func badRequest(_ why: String) -> Refusal { Refusal(.badRequest, why) }

    package var response: Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        // A text always has a form in JSON.
        var response = Response.json(Array((try? encoder.encode(["error": sentence])) ?? Data("{}".utf8)))
        response.status = status
        response.headers.append(contentsOf: headers)
        return response
    }
}

extension Response {
    package static func json(_ bytes: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    package static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> Response {
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
