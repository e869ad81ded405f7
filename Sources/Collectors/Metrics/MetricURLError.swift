/// Why a text is not the address of a metrics page.
public struct MetricURLError: Error, Hashable, CustomStringConvertible {
    public let url: String
    public let reason: String

    public var description: String { "'\(url)' is no address of a metrics page: \(reason)" }
}
