package import Diagnosis
package import Logging
internal import SystemSupport

/// Reads a stream for somebody who watches: acknowledges nothing, and disturbs no other reader.
package struct StreamTap: Sendable {
    /// How many messages are asked for at once, and how long one waits for the first.
    private static let (several, patience) = (128, Duration.seconds(5))

    private let address: StreamAddress
    private let options: JetStreamOptions
    private let dataTypes: Set<DiagnosisDataType>
    private let logger: Logger

    /// - Parameters:
    ///   - options: with the job, only its nodes are read.
    ///   - dataTypes: empty: all.
    package init(
        _ address: StreamAddress, options: JetStreamOptions, dataTypes: Set<DiagnosisDataType>, logger: Logger
    ) {
        self.address = address
        var options = options
        options.stream.isMade = false
        self.options = options
        self.dataTypes = dataTypes
        self.logger = logger
    }

    /// Reads until the task is cancelled or the receiver wants no more.
    ///
    /// - Parameters:
    ///   - start: where to begin. A sequence and the last so many are those of the stream, not of its lanes.
    ///   - patience: how long to wait for the stream at first; `nil`: for ever.
    ///   - waiting: called once if it is not there at once.
    /// - Throws: `ReportError` after that.
    package func run(
        _ receiver: any EnvelopeReceiver, from start: StreamStart, patience: Duration?,
        waiting: @escaping @Sendable (ReportError) -> Void
    ) async throws {
        let session = StreamSession(address, options: options, logger: logger)
        // Ends what waits for an answer, also where the task is cancelled.
        try await withTaskCancellationHandler {
            try await read(session, receiver, from: start, patience: patience, waiting: waiting)
            await session.close()
        } onCancel: {
            Task { await session.close() }
        }
    }

    private func read(
        _ session: StreamSession, _ receiver: any EnvelopeReceiver, from start: StreamStart, patience: Duration?,
        waiting: @Sendable (ReportError) -> Void
    ) async throws {
        let begin = ContinuousClock.now
        var isWaiting = false
        var hasBegun = false
        var assembly = LaneAssembly(believing: nil)
        var next: UInt64?
        while !Task.isCancelled {
            do throws(ReportError) {
                let stream = try await session.open()
                let consumer = try await consumer(of: stream, from: start, next: next)
                hasBegun = true
                while !Task.isCancelled {
                    let outcome = await stream.connection.pull(
                        consumer, of: stream.name, count: Self.several,
                        bytes: max(1 << 20, stream.room + (64 << 10)), time: Self.patience)
                    if let last = outcome.messages.last { next = last.streamSequence + 1 }
                    let wanted = outcome.messages.filter {
                        (dataTypes.isEmpty || dataTypes.contains($0.lane.dataType))
                            && $0.collectionTime >= oldest(start)
                    }
                    let items = assembly.add(wanted) { _ in nil }.items
                    if !items.isEmpty, !receiver.receive(items) { return }
                    guard outcome.problem == nil else { break }
                }
            } catch {
                guard !Task.isCancelled else { return }
                if !hasBegun, let patience, begin.duration(to: .now) >= patience { throw error }
                if !isWaiting { waiting(error) }
                isWaiting = true
                await session.lose()
            }
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    /// What was collected before is not shown, though it may have come into the stream later.
    private func oldest(_ start: StreamStart) -> Int64 {
        if case .since(let time) = start { time } else { .min }
    }

    private func consumer(
        of stream: Stream, from start: StreamStart, next: UInt64?
    ) async throws(ReportError) -> String {
        let consumers = StreamConsumers(stream: stream)
        var deliver: [String: JSONValue]
        if let next {
            deliver = Self.from(next)
        } else {
            switch start {
            case .now: deliver = ["deliver_policy": .string("new")]
            case .oldest, .after: deliver = ["deliver_policy": .string("all")]
            case .since(let time):
                deliver = [
                    "deliver_policy": .string("by_start_time"), "opt_start_time": .string(TimeText.write(time)),
                ]
            case .sequence(let sequence): deliver = Self.from(sequence)
            case .last(let count):
                let last = try await consumers.lastSequence()
                deliver =
                    count == 0 ? ["deliver_policy": .string("new")] : Self.from(last < count ? 1 : last - count + 1)
            }
        }
        let job = options.job.isEmpty ? "*" : EnvelopeSubject.word(options.job)
        let type = dataTypes.count == 1 ? EnvelopeSubject.word("\(dataTypes.first!)") : "*"
        return try await consumers.makePassing(filter: "\(stream.name).\(job).\(type).*.*", deliver: deliver)
    }

    private static func from(_ sequence: UInt64) -> [String: JSONValue] {
        ["deliver_policy": .string("by_start_sequence"), "opt_start_seq": .int(Int64(clamping: max(1, sequence)))]
    }
}
