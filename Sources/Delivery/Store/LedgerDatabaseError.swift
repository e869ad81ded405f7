/// A database that was read but is not what it should be.
enum LedgerDatabaseError: Error, CustomStringConvertible {
    case damaged(String)
    case newerVersion(Int)
    case otherConsumer(String)

    var description: String {
        switch self {
        case .damaged(let reason): reason
        case .newerVersion(let version): "version \(version), and this one knows \(LedgerSchema.version)"
        case .otherConsumer(let name): name
        }
    }
}
