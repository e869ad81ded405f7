package import Logging

extension MasterURL {
    /// Makes what passes other programs' calls to this master; `nil` if it is no DLRover master. It connects at the first call; close it
    /// when done.
    ///
    /// - Parameter options: of these only `connectTimeout` and, over HTTP, `userAgent` count: everything else is the caller's own.
    /// - Throws: `MasterClientOptionsError`.
    package func makeRelay(
        options: MasterClientOptions, logger: Logger
    ) throws(MasterClientOptionsError) -> (any DLRoverRelay)? {
        try options.check()
        var logger = logger
        logger[metadataKey: "master"] = "\(self)"
        return switch target {
        case .dlroverGRPC(let host, let port):
            DLRoverGRPCRelay(host: host, port: port, options: options, logger: logger)
        case .dlroverHTTP(let host, let port):
            DLRoverHTTPRelay(host: host, port: port, options: options, logger: logger)
        case .file, .standardOutput: nil
        }
    }
}
