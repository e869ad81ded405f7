/// Whom a connection tells about its changes, on its event loop.
protocol GRPCConnectionOwner: AnyObject {
    /// The server's settings have come: calls may begin.
    func connectionIsReady(_ connection: GRPCConnection)
    /// Calls that wait may begin. The connection flushes nothing by itself.
    func connectionHasRoom(_ connection: GRPCConnection)
    /// New calls need another connection; this one closes once its calls have ended.
    func connectionDrains(_ connection: GRPCConnection)
    func connectionDidClose(_ connection: GRPCConnection)
}
