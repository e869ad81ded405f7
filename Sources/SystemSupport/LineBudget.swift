/// How many lines each place in a program may log: some at once, then one in a while, so that nobody who can cause a line can fill a disk
/// with it. What is held back is counted.
package struct LineBudget<Site: Hashable & Sendable>: Sendable {
    /// What becomes of a line.
    package enum Decision: Equatable, Sendable {
        case held
        /// It may be logged, and says how many like it were held back before it.
        case logged(held: Int)
    }

    /// Lines of a site that are held back, and of which nothing was said for a while.
    package struct Silence: Equatable, Sendable {
        package let site: Site
        package let held: Int
        /// What one of the lines said.
        package let example: String
    }

    private struct Account {
        var bucket: TokenBucket
        var held = 0
        var example = ""
        var lastSaid: ContinuousClock.Instant
    }

    /// How many lines of a site may come at once.
    package static var burst: Int { 10 }
    /// After those, one may come in this time.
    package static var interval: Duration { .seconds(5) }
    /// Sites beyond these share one budget.
    package static var maximumSites: Int { 1000 }
    private static var longestExample: Int { 200 }

    private var accounts: [Site?: Account] = [:]
    /// Sites with something that was not told yet.
    private var silent: Set<Site?> = []

    package init() {}

    package mutating func decide(_ site: Site, _ message: String, now: ContinuousClock.Instant) -> Decision {
        let key: Site? = accounts[site] != nil || accounts.count < Self.maximumSites ? site : nil
        var account = accounts[key] ?? Account(bucket: Self.fullBucket, lastSaid: now)
        defer { accounts[key] = account }
        guard account.bucket.available(now: now) > 0 else {
            account.held += 1
            if account.held == 1 {
                account.example = SecretText.line(message, limit: Self.longestExample)
                silent.insert(key)
            }
            return .held
        }
        account.bucket.spend(1, now: now)
        account.lastSaid = now
        let held = account.held
        account.held = 0
        silent.remove(key)
        return .logged(held: held)
    }

    /// What is to be said of lines that were held back when none like them has come for two intervals; all of it, if the program ends.
    package mutating func takeSilences(now: ContinuousClock.Instant, isLast: Bool = false) -> [Silence] {
        guard !silent.isEmpty else { return [] }
        var silences: [Silence] = []
        for key in silent {
            guard var account = accounts[key], isLast || now - account.lastSaid >= Self.interval * 2 else { continue }
            // Of the shared budget nobody can say which site it was.
            if let site = key {
                silences.append(Silence(site: site, held: account.held, example: account.example))
            }
            account.held = 0
            account.bucket.spend(1, now: now)
            account.lastSaid = now
            accounts[key] = account
            silent.remove(key)
        }
        return silences
    }

    private static var fullBucket: TokenBucket {
        TokenBucket(every: interval, burst: burst)
    }
}
