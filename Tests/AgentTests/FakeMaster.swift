import Diagnosis
import Synchronization

@testable import Agent

/// A master whose answers a test gives.
final class FakeMaster: EnvelopeReporter {
    private struct State {
        var contents: [String] = []
        var calls: [Int] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let answer: @Sendable ([String]) async -> ReportOutcome.Failure?

    /// - Parameter answer: what a call with these contents comes to; `nil` accepts all of them.
    init(answer: @escaping @Sendable ([String]) async -> ReportOutcome.Failure? = { _ in nil }) {
        self.answer = answer
    }

    /// What was accepted, in the order of acceptance.
    var contents: [String] { state.withLock { $0.contents } }
    /// How many envelopes each call carried.
    var calls: [Int] { state.withLock { $0.calls } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func report(_ batch: EnvelopeBatch) async -> ReportOutcome {
        let contents = batch.entries.map { String(decoding: batch.body(of: $0), as: UTF8.self) }
        state.withLock { $0.calls.append(batch.count) }
        if let failure = await answer(contents) { return ReportOutcome(accepted: 0, failure: failure) }
        state.withLock { $0.contents += contents }
        return ReportOutcome(accepted: batch.count)
    }

    func close() async {
        state.withLock { $0.isClosed = true }
    }
}

extension EnvelopeBatch {
    /// A batch whose bodies are `contents`, numbered from `first`.
    static func test(
        _ contents: [String], first: UInt64 = 1, type: DiagnosisDataType = .trainingLog, rank: Int = 0,
        epoch: UInt64 = 1
    ) -> EnvelopeBatch {
        let lane = Lane(publisher: PublisherID(high: 1, low: 2), dataType: type)
        var batch = EnvelopeBatch(lane: lane, epoch: epoch, nodeType: "worker", nodeRank: rank)
        for (offset, content) in contents.enumerated() {
            batch.append(
                sequence: first + UInt64(offset), collectionTime: 0, publishTime: 0, body: Array(content.utf8).span)
        }
        return batch
    }
}
