/// Which module name the master's pickles take.
struct ModuleMemory: Sendable {
    /// The one to try first.
    private(set) var module = DLRoverModule.comm
    /// Whether the master has taken a pickle with it since it was last away: then a refusal is about the data.
    private(set) var isProven = false

    /// - Returns: whether that was news.
    mutating func worked(_ module: DLRoverModule) -> Bool {
        let isNews = !isProven || module != self.module
        self.module = module
        isProven = true
        return isNews
    }

    /// The master was away; another version may come back.
    mutating func forget() {
        isProven = false
    }
}
