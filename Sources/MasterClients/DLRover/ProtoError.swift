/// Why bytes are not a message of protocol buffers.
struct ProtoError: Error, Hashable, CustomStringConvertible {
    let reason: String

    var description: String { "no protocol buffers message: \(reason)" }
}
