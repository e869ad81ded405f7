/// What was found out about a master.
struct MasterMemory: Sendable {
    /// The module name to try first.
    private(set) var module = DLRoverModule.comm
    /// Whether the master has taken a pickle with it since it was last away.
    private var isProven = false
    /// The largest message that the master says it receives, if it has said so.
    private(set) var messageLimit: Int?

    /// - Returns: whether that was news.
    mutating func worked(_ module: DLRoverModule) -> Bool {
        let isNews = !isProven || module != self.module
        self.module = module
        isProven = true
        return isNews
    }

    /// The master says that it receives no more than `limit`.
    ///
    /// - Returns: whether that is less than what was known.
    mutating func learned(limit: Int, below known: Int) -> Bool {
        guard limit > 0, limit < known else { return false }
        messageLimit = limit
        return true
    }

    /// The master was away; another version may come back.
    mutating func forget() {
        isProven = false
        messageLimit = nil
    }
}
