internal import HTTPTypes
internal import Hummingbird
internal import LogText
internal import NIOCore
internal import WebServing

/// The page's files, all in memory. A path that is not one of theirs is none: no path leads into the file system.
struct PageFiles: Sendable {
    private struct File: Sendable {
        let body: ByteBuffer
        let type: String
        let tag: String
    }

    /// By path.
    private let files: [String: File]

    /// - Parameter contents: by path.
    init(_ contents: [String: [UInt8]]) {
        files = Dictionary(
            uniqueKeysWithValues: contents.map { path, bytes in
                var hash = StableHash()
                bytes.withUnsafeBufferPointer { hash.add(contentsOf: $0) }
                let tag = "\"\(String(hash.value, radix: 16))-\(bytes.count)\""
                return (path, File(body: ByteBuffer(bytes: bytes), type: Self.type(of: path), tag: tag))
            })
    }

    var paths: [String] { files.keys.sorted() }

    /// Browsers ask each time whether it has changed: after an update nobody has an old page.
    ///
    /// - Throws: a `Refusal` if there is no such file.
    func response(to request: Request, path: String) throws -> Response {
        guard let file = files[path] else { throw Refusal.notFound("the page has no such file") }
        var headers: HTTPFields = [.contentType: file.type, .cacheControl: "no-cache", .eTag: file.tag]
        let known = request.headers[.ifNoneMatch]?.split(separator: ",").map { $0.drop { $0 == " " } } ?? []
        headers[.contentLength] = "\(file.body.readableBytes)"
        if known.contains(where: { $0 == file.tag || $0 == "W/\(file.tag)" }) {
            return Response(status: .notModified, headers: headers)
        }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: file.body))
    }

    private static func type(of path: String) -> String {
        switch path.split(separator: ".").last {
        case "js": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "svg": "image/svg+xml"
        default: "text/html; charset=utf-8"
        }
    }
}
