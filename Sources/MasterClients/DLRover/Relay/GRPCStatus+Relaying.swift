import Diagnosis

extension GRPCStatus {
    /// What the client is told of a call that got no status from the master.
    init(relaying error: ReportError) {
        let code: Code =
            switch error.code {
            case .deadlineExceeded: .deadlineExceeded
            case .closed: .cancelled
            default: .unavailable
            }
        self.init(code: code, message: error.message)
    }
}
