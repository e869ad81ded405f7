public import Diagnosis
internal import JetStream
public import Logging

extension MasterURL {
    /// Makes the client for this master. It connects, or opens its file, at the first report; close it when done.
    ///
    /// - Parameters:
    ///   - options: limits and deadlines; what they mean depends on the kind of master.
    ///   - logger: gets the master's URL as metadata.
    /// - Throws: `MasterClientOptionsError`. A master that cannot be reached is not an error here.
    public func makeReporter(
        options: MasterClientOptions = MasterClientOptions(), logger: Logger = Logger(label: "arobust.master")
    ) throws -> any EnvelopeReporter {
        try makeReporter(options: options, observer: nil, logger: logger)
    }

    /// The same.
    ///
    /// - Parameter observer: says which lines speak of a failure, and when lines were written, to masters that are told: OTLP receivers.
    package func makeReporter(
        options: MasterClientOptions, observer: (any LogObserver)?, logger: Logger
    ) throws -> any EnvelopeReporter {
        try options.check()
        var logger = logger
        logger[metadataKey: "master"] = "\(self)"
        switch target {
        case .dlroverGRPC(let host, let port):
            return DLRoverClient(
                transport: DLRoverGRPCTransport(
                    url: self, host: host, port: port, options: options, logger: logger),
                master: description, options: options, logger: logger)
        case .dlroverHTTP(let host, let port):
            return DLRoverClient(
                transport: DLRoverHTTPTransport(
                    url: self, host: host, port: port, options: options, logger: logger),
                master: description, options: options, logger: logger)
        case .console(let host, let port):
            return ConsoleClient(url: self, host: host, port: port, options: options, logger: logger)
        case .otlpGRPC(let host, let port):
            return OTLPClient(
                transport: OTLPGRPCTransport(url: self, host: host, port: port, options: options, logger: logger),
                master: description, options: options, observer: observer, logger: logger)
        case .otlpHTTP(let host, let port, let path):
            return OTLPClient(
                transport: OTLPHTTPTransport(
                    url: self, host: host, port: port, path: path, options: options, logger: logger),
                master: description, options: options, observer: observer, logger: logger)
        case .jetStream(let address):
            return JetStreamReporter(address, options: options.jetStream, logger: logger)
        case .file(let path):
            return FileReporter(path: path, logger: logger)
        case .standardOutput:
            return StdoutReporter()
        }
    }
}
