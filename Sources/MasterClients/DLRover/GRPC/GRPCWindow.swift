/// Sizes of HTTP/2 windows and ids (RFC 9113).
enum GRPCWindow {
    /// What a connection's window is without a WINDOW_UPDATE.
    static let http2Default = 65535
    /// What we let a server send on one connection before it must wait for us.
    static let connection = 4 * 1024 * 1024
    /// What we let a server send on one stream; longer answers are refused.
    static let stream = 1024 * 1024
    static let lastStreamID = Int(Int32.max)
}
