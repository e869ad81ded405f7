package import ConsoleStore
package import Diagnosis
internal import SystemSupport

/// Envelopes as a bus would number them.
package enum Batches {
    package static let publisher = PublisherID(high: 1, low: 2)

    package static func batch(
        _ type: DiagnosisDataType = .trainingLog, epoch: UInt64 = 1, from first: UInt64 = 1, _ contents: [String],
        nodeRank: Int = 0, publisher: PublisherID = publisher, origin: MetricOrigin? = nil,
        time: Int64 = WallClock.seconds()
    ) -> EnvelopeBatch {
        var batch = EnvelopeBatch(
            lane: Lane(publisher: publisher, dataType: type), epoch: epoch, nodeType: "worker", nodeRank: nodeRank)
        for (index, content) in contents.enumerated() {
            let metric = WorkerTrainingMetric(
                dataType: type, dataContent: content, node: NodeIdentity(rank: nodeRank), timestamp: time)
            let (body, source) = (MetricJSON.encode(metric), origin?.json ?? [])
            batch.append(
                sequence: first + UInt64(index), collectionTime: time, publishTime: UInt64(time) * 1_000_000_000,
                body: body.span, origin: source.span)
        }
        return batch
    }

    /// Log lines at the beginning of a lane.
    package static func batch(
        _ contents: [String], nodeRank: Int = 0, origin: MetricOrigin? = nil, time: Int64 = WallClock.seconds()
    ) -> EnvelopeBatch {
        batch(.trainingLog, contents, nodeRank: nodeRank, origin: origin, time: time)
    }

    package static func origin(_ path: String, localRank: Int? = nil, attempt: Int? = nil) -> MetricOrigin {
        var origin = MetricOrigin(path: path, device: 1, inode: 2, firstOffset: 0, endOffset: 1, lines: 1)
        origin.localRank = localRank
        origin.attempt = attempt
        origin.run = attempt == nil ? nil : "run-1"
        return origin
    }
}

extension ConsoleStore {
    /// All lines that a question has, page by page, with the most lines on a page.
    package func all(_ question: LogQuestion, limit: Int = 7) async throws -> [LogEntry] {
        var (question, lines): (LogQuestion, [LogEntry]) = (question, [])
        question.limit = limit
        repeat {
            let page = try await logs(question)
            lines += page.lines
            question.after = page.next
        } while question.after != nil
        return lines
    }
}
