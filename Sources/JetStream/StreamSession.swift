internal import Diagnosis
internal import Logging
internal import SystemSupport

/// The connection to a stream: made when it is first needed, and again once it turned out that the stream is gone.
actor StreamSession {
    private let address: StreamAddress
    private let options: JetStreamOptions
    private let logger: Logger
    private let queue = BlockingQueue(label: "arobust.nats", pool: .output)
    private var connection: NATSConnection?
    private var stream: Stream?
    private var opening: Task<Result<Stream, ReportError>, Never>?
    private var isClosed = false

    init(_ address: StreamAddress, options: JetStreamOptions, logger: Logger) {
        self.address = address
        self.options = options
        self.logger = logger
    }

    /// Several that ask at once wait for the same.
    func open() async throws(ReportError) -> Stream {
        guard !isClosed else { throw ReportError(code: .closed, message: "the client of \(address.stream) is closed") }
        if let stream { return stream }
        let task = opening ?? Task { await self.make() }
        opening = task
        return try await task.value.get()
    }

    /// The next report looks for the stream again.
    func lose() {
        stream = nil
    }

    func close() {
        isClosed = true
        connection?.close()
        connection = nil
        stream = nil
    }

    private func make() async -> Result<Stream, ReportError> {
        defer { opening = nil }
        do throws(ReportError) {
            let connection = try await connect()
            let found = try await Stream(on: connection, named: address.stream, options: options.stream, logger: logger)
            guard !isClosed else {
                throw ReportError(code: .closed, message: "the client of \(address.stream) is closed")
            }
            stream = found
            return .success(found)
        } catch {
            return .failure(error)
        }
    }

    private func connect() async throws(ReportError) -> NATSConnection {
        if let connection { return connection }
        let (address, options) = (address, options)
        let result: Result<NATSConnection, ReportError> = await queue.run {
            do throws(ReportError) {
                return .success(try NATSConnection(to: address, options: options))
            } catch {
                return .failure(error)
            }
        }
        let made = try result.get()
        connection = made
        return made
    }
}
