/// Sizes of HTTP/2 windows and ids (RFC 9113).
enum GRPCWindow {
    /// What a connection's window is without a WINDOW_UPDATE.
    static let http2Default = 65535
    /// What we let a server send on one connection before it must wait for us.
    static let connection = 4 * 1024 * 1024
    /// What we let a server send on one stream.
    static let stream = 1024 * 1024
    /// The longest answer. It must be shorter than the window: a longer one could not even arrive.
    static let longestAnswer = stream - 1
    static let lastStreamID = Int(Int32.max)
}
