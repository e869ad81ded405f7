public import Diagnosis
public import Logging

extension MasterURL {
    /// Makes the client for this master. It connects, or opens its file, at the first report; close it when done.
    ///
    /// - Throws: `MasterClientOptionsError`. A master that cannot be reached is no error here.
    public func makeReporter(
        options: MasterClientOptions = MasterClientOptions(), logger: Logger = Logger(label: "arobust.master")
    ) throws -> any EnvelopeReporter {
        try options.check()
        var logger = logger
        logger[metadataKey: "master"] = "\(self)"
        switch target {
        case .dlroverGRPC(let host, let port):
            return DLRoverClient(
                transport: DLRoverGRPCTransport(host: host, port: port, options: options, logger: logger),
                master: description, options: options, logger: logger)
        case .dlroverHTTP(let host, let port):
            return DLRoverClient(
                transport: DLRoverHTTPTransport(host: host, port: port, options: options, logger: logger),
                master: description, options: options, logger: logger)
        case .file(let path):
            return FileReporter(path: path, logger: logger)
        case .standardOutput:
            return StdoutReporter()
        }
    }
}
