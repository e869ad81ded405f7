/// Why bytes are not a pickle that we read.
struct PickleError: Error, Hashable, CustomStringConvertible {
    /// Where reading stopped, in bytes from the start.
    let offset: Int
    let reason: String

    var description: String { "at byte \(offset) of the pickle: \(reason)" }
}
