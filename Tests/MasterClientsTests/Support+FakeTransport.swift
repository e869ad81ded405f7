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

    func report(_ report: DLRoverReport, module: DLRoverModule) async throws(ReportError) -> Bool {
        let answer = state.withLock { state -> Result<Bool, ReportError> in
            state.reports.append((module, String(decoding: report.json, as: UTF8.self), report.count))
            if let known = state.module { return .success(known == module) }
            return state.answers.isEmpty ? .success(true) : state.answers.removeFirst()
        }
        return try answer.get()
    }

    func checkJob() async throws(ReportError) {
        let error = state.withLock {
            $0.jobChecks += 1
            return $0.jobError
        }
        if let error { throw error }
    }

    func close() async {
        state.withLock { $0.isClosed = true }
    }

    var modules: [DLRoverModule] { state.withLock { $0.reports.map(\.module) } }
    var counts: [Int] { state.withLock { $0.reports.map(\.count) } }
    var bodies: [String] { state.withLock { $0.reports.map(\.json) } }
    var jobChecks: Int { state.withLock { $0.jobChecks } }
}
