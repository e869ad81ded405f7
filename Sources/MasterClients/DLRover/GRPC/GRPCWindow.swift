/// Sizes of HTTP/2 windows and ids (RFC 9113).
enum GRPCWindow {
    /// What a connection's window is without a WINDOW_UPDATE.
    static let http2Default = 65535
    /// What we let a server send on one connection before it must wait for us.
    static let connection = 4 * 1024 * 1024
    /// The longest answer that a client takes unless it is told otherwise. A stream's window is one byte more: an answer that is too long
    /// can't arrive whole, and one that is not needs no window but the first.
    static let longestAnswer = 1024 * 1024 - 1
    static let lastStreamID = Int(Int32.max)
}
