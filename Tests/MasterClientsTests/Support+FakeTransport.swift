import Diagnosis
import Synchronization

@testable import MasterClients

/// A transport that answers from a script and keeps what it was given.
final class FakeTransport: DLRoverTransport {
    struct State: Sendable {
        var answers: [Result<Bool, ReportError>] = []
        var jobError: ReportError?
        var reports: [(module: DLRoverModule, json: String, count: Int)] = []
        var jobChecks = 0
        /// Modules of the failures and of the messages of `get` that came.
        var failures: [DLRoverModule] = []
        var gets: [DLRoverModule] = []
        /// What a `get` is answered with.
        var answer: [UInt8] = []
        var messageLimit: Int?
        var isClosed = false
        /// Which module's pickles this master reads; `nil`: answers come from `answers`.
        var module: DLRoverModule?
    }

    let mayMeetOldModule: Bool
    let state: Mutex<State>

    init(_ answers: [Result<Bool, ReportError>] = [], module: DLRoverModule? = nil, mayMeetOldModule: Bool = true) {
        self.mayMeetOldModule = mayMeetOldModule
        state = Mutex(State(answers: answers, module: module))
    }

    func report(_ message: any DLRoverMessage, module: DLRoverModule) async throws(ReportError) -> DLRoverAnswer {
        let answer = state.withLock { state -> Result<Bool, ReportError> in
            if let report = message as? DLRoverReport {
                state.reports.append((module, String(decoding: report.json, as: UTF8.self), report.count))
            } else {
                state.failures.append(module)
            }
            if let limit = state.messageLimit, message.messageSize(module) > limit { return .success(false) }
            if let known = state.module { return .success(known == module) }
            return state.answers.isEmpty ? .success(true) : state.answers.removeFirst()
        }
        if let limit = state.withLock(\.messageLimit), message.messageSize(module) > limit {
            return .tooLarge(limit: limit, error: ReportError(code: .refused, message: "larger than max"))
        }
        return try answer.get() ? .taken : .notTaken
    }

    func get(_ message: (any DLRoverMessage)?, module: DLRoverModule) async throws(ReportError) -> [UInt8] {
        let (answer, error) = state.withLock { state -> ([UInt8], ReportError?) in
            guard message == nil else {
                state.gets.append(module)
                return (state.module.map { $0 == module } ?? true ? state.answer : [], nil)
            }
            state.jobChecks += 1
            return ([], state.jobError)
        }
        if let error { throw error }
        return answer
    }

    func close() async {
        state.withLock { $0.isClosed = true }
    }

    var modules: [DLRoverModule] { state.withLock { $0.reports.map(\.module) } }
    var counts: [Int] { state.withLock { $0.reports.map(\.count) } }
    var bodies: [String] { state.withLock { $0.reports.map(\.json) } }
    var jobChecks: Int { state.withLock { $0.jobChecks } }
}
