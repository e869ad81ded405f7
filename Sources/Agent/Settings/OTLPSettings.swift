internal import MasterClients
internal import SystemSupport

/// OTLP receivers as masters.
package struct OTLPSettings: Sendable {
    package let headersFile = Setting(
        "delivery.otlp-headers-file", .text,
        "a file with headers for OTLP receivers, `name: value` a line; nobody else may read it. Variables like OTEL_EXPORTER_OTLP_HEADERS are not read"
    )
    package let compression = Setting(
        "delivery.otlp-compression", .choice([("none", false), ("gzip", true)]), default: false,
        "how requests to OTLP receivers are compressed: none or gzip")
    package let metrics = Setting(
        "delivery.otlp-metrics", .toggle, default: false,
        "send XPU_TIMER_METRIC to OTLP receivers as metrics instead of as log records")
}

extension OTLPOptions {
    /// - Parameter path: of the file with the headers.
    static func headers(path: String) throws(SettingsError) -> [OTLPHeader] {
        let place = "delivery.otlp-headers-file"
        let read: [(line: Int, name: String, value: String)]
        do throws(TokenFileError) {
            read = try TokenFile(path: path).readHeaders()
        } catch {
            throw SettingsError(place: place, reason: "\(error)")
        }
        var headers: [OTLPHeader] = []
        for (line, name, value) in read {
            guard let header = OTLPHeader(name: name, value: value) else {
                throw SettingsError(
                    place: place,
                    reason:
                        "line \(line) of \(path) is no header that may be added: a name has letters, digits, - _ and . and is none that OTLP itself gives (content-type, grpc-…), and a value is printable ASCII"
                )
            }
            headers.append(header)
        }
        return headers
    }
}
