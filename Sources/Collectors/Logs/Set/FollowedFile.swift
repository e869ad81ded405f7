internal import Diagnosis

/// A log of a set: being read, parked (closed, with the place to go on at), or waited for.
final class FollowedFile {
    static let shortestPause: Duration = .milliseconds(250)
    static let longestPause: Duration = .seconds(2)

    let log: FollowedLog
    /// Whether its path was given as it stands: it is waited for for ever.
    let isNamed: Bool
    /// Whether it is read from its first byte whatever the settings say: it appeared later.
    var isNew: Bool
    @Boxed var follower: LogFollower?
    /// Where a parked file goes on.
    var place: LogPosition?
    /// The place after what was reported last.
    var reported: SourcePosition?
    /// Whether the client's position is still to be asked for.
    var needsPosition = true
    /// The file that it reads or has read last.
    var identity: FileIdentity?
    /// The file as the last look saw it.
    var seen: FileStatus?
    /// The path under which the same file is read already.
    var twin: String?
    /// The rate limit's and the black box's account of the file; made with its first chunk, and given up when it is parked.
    @Boxed var shedding: LogShedding?
    var isReady = false
    /// Since when it has had something that is reported later though nothing is written: the beginning of a line, or a replaced file's rest.
    var waitsSince: ContinuousClock.Instant?
    /// When something was read last, counted in looks.
    var lastActive = 0
    /// How many searches have not found it.
    var misses = 0
    /// Whether it must be looked at from time to time, because nothing tells when it grows.
    var isPolled = true
    var pause = FollowedFile.shortestPause
    var nextPoll = ContinuousClock.now

    init(log: FollowedLog, isNamed: Bool, isNew: Bool) {
        self.log = log
        self.isNamed = isNamed
        self.isNew = isNew
    }

    var path: String { log.path }

    /// Closes the file, and keeps the place to go on at.
    func park() {
        guard let follower else { return }
        if let place = follower.position(after: 0) { self.place = place }
        if self.place == nil { isNew = true }
        self.follower = nil
        // Its memory would add up over thousands of files. What is prepared and not reported is prepared anew.
        if shedding?.alarms.isEmpty ?? true { shedding = nil }
    }

    /// Sees that the file was quiet: the next look at it comes later than the last.
    func rest(_ now: ContinuousClock.Instant) {
        nextPoll = now + pause
        pause = min(pause * 2, Self.longestPause)
    }
}

extension LogFollower {
    /// Whether everything that is in the file was taken, and its path still names it: nothing is lost if it is closed.
    var canPark: Bool {
        guard phase == .following, let file, let status = try? file.status() else { return file == nil }
        return status.size == readOffset && (try? FileStatus(path: path))?.identity == status.identity
    }
}
