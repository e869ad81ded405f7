import Diagnosis
import Synchronization

@testable import Delivery

/// A master whose answers a test gives.
final class FakeMaster: EnvelopeReporter {
    private struct State {
        var contents: [String] = []
        var calls: [Int] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let answer: @Sendable ([String]) async -> ReportOutcome.Failure?
    let needsLanesInOrder: Bool

    /// - Parameter answer: what a call with these contents comes to; `nil` accepts all of them.
    init(
        needsLanesInOrder: Bool = false,
        answer: @escaping @Sendable ([String]) async -> ReportOutcome.Failure? = { _ in nil }
    ) {
        self.answer = answer
        self.needsLanesInOrder = needsLanesInOrder
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
