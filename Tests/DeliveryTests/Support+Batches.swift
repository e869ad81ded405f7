import Diagnosis

@testable import Delivery

extension PublisherID {
    static let test = PublisherID(high: 1, low: 2)
}

extension Lane {
    static func test(_ type: DiagnosisDataType = .trainingLog) -> Lane {
        Lane(publisher: .test, dataType: type)
    }
}

extension EnvelopeBatch {
    /// A batch whose bodies are `contents`, numbered from `first`.
    static func test(
        _ contents: [String], first: UInt64 = 1, type: DiagnosisDataType = .trainingLog, rank: Int = 0,
        epoch: UInt64 = 1, collected: Int64 = 0, published: UInt64 = 0
    ) -> EnvelopeBatch {
        var batch = EnvelopeBatch(lane: .test(type), epoch: epoch, nodeType: "worker", nodeRank: rank)
        for (offset, content) in contents.enumerated() {
            batch.append(
                sequence: first + UInt64(offset), collectionTime: collected, publishTime: published,
                body: Array(content.utf8).span)
        }
        return batch
    }

    /// One envelope that says which lines were left out.
    static func testShed(_ sequence: UInt64) -> EnvelopeBatch {
        var batch = EnvelopeBatch(lane: .test(), epoch: 1, nodeType: "worker", nodeRank: 0)
        batch.append(
            sequence: sequence, collectionTime: 0, publishTime: 0, body: [UInt8]("shed".utf8).span,
            origin: [UInt8]().span,
            isShed: true)
        return batch
    }

    var contents: [String] {
        entries.map { String(decoding: body(of: $0), as: UTF8.self) }
    }
}

extension StreamGap {
    static func test(
        after: LanePosition, through: LanePosition, count: UInt64, type: DiagnosisDataType = .trainingLog
    ) -> StreamGap {
        StreamGap(lane: .test(type), after: after, through: through, count: count, reason: .evicted)
    }
}

extension LanePosition {
    static func at(_ sequence: UInt64, epoch: UInt64 = 1) -> LanePosition {
        LanePosition(epoch: epoch, sequence: sequence)
    }
}

extension ReportOutcome.Failure {
    static let unavailable = Self(count: 1, error: ReportError(code: .unavailable, message: "away"))
    static let wrongJob = Self(count: 1, error: ReportError(code: .wrongJob, message: "other job"))

    static func refused(_ count: Int = 1) -> Self {
        Self(count: count, error: ReportError(code: .refused, message: "it is bad"))
    }
}
