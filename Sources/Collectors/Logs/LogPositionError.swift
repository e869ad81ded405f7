/// Why a stored position cannot be used.
struct LogPositionError: Error, Hashable, CustomStringConvertible {
    let reason: String

    var description: String { "the stored position is not readable: \(reason)" }
}
