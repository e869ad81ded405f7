internal import Diagnosis
internal import Glibc
internal import Logging
internal import SystemSupport

/// The files that a selection finds, which of them have something to read, and which are open. Blocks on the file system; one thread at a time.
///
/// Files take turns of one chunk, so that one's backlog holds up no other.
struct LogSet {
    /// What a set may take.
    struct Limits: Sendable {
        /// More files are not followed.
        var files = 10_000
        /// More files are not kept open: one that is quiet is closed, and opened again when it grows.
        var openFiles = 256
    }

    /// How often all folders are searched where inotify tells of what is new, and where it doesn't.
    static let slowSearch: Duration = .seconds(30)
    static let quickSearch: Duration = .seconds(2)
    /// How many folders are watched at most.
    static let mostFolders = 8192

    var selection: LogSelection
    var limits: Limits
    var configuration: LogCollector.Configuration
    let logger: Logger
    let watcher: FolderWatcher?
    var files: [String: FollowedFile] = [:]
    /// Who reads which file.
    var readers: [FileIdentity: FollowedFile] = [:]
    /// Up to where files were read that no path of a reader names any more.
    var history: [FileIdentity: LogPosition] = [:]
    var historyOrder: [FileIdentity] = []
    /// Those with something to read, in the order of their turns.
    private var ready: [FollowedFile] = []
    private var firstReady = 0
    private var open: [FollowedFile] = []
    /// Those that are looked at again soon though nothing tells that they have changed.
    var waiting: [FollowedFile] = []
    /// Whether nobody asks again, so that lines without their end are reported at once.
    var isInLastRound = false
    private var looks = 0
    var folderOfWatch: [CInt: Set<String>] = [:]
    var fileOfWatch: [CInt: FollowedFile] = [:]
    /// Whether a folder's files must be polled, and whether the folder itself must.
    var folders: [String: (isPolled: Bool, isSearched: Bool)] = [:]
    var polled: [FollowedFile] = []
    var mounts: MountTable?
    var nextSearch: ContinuousClock.Instant?
    var earliestSearch = ContinuousClock.now
    var nextRotationLook = ContinuousClock.now
    /// Sizes of files that look like a rotated log's, and how often they were seen to grow.
    var rotated: [String: (size: UInt64, growths: Int)] = [:]
    /// Up to where logs were read that are no longer selected.
    var left: [String: LogPosition] = [:]
    var told: Set<String> = []
    /// Whether there are files whose positions were not asked for.
    var hasNewFiles = false

    init(selection: LogSelection, limits: Limits, configuration: LogCollector.Configuration, logger: Logger) {
        self.selection = selection
        self.limits = Self.possible(limits)
        self.configuration = Self.thrifty(configuration)
        self.logger = logger
        do throws(SystemCallError) {
            watcher = try FolderWatcher()
        } catch {
            watcher = nil
            logger.warning(
                "inotify cannot be used; logs are looked at from time to time.", metadata: ["error": "\(error)"])
        }
    }

    static func possible(_ limits: Limits) -> Limits {
        var limits = limits
        limits.openFiles = max(1, min(limits.openFiles, DescriptorLimit.current.logs))
        return limits
    }

    static func thrifty(_ configuration: LogCollector.Configuration) -> LogCollector.Configuration {
        var configuration = configuration
        // Many files are open at a time.
        configuration.readBytes = min(configuration.readBytes, 64 * 1024)
        return configuration
    }

    var hasReady: Bool { firstReady < ready.count }

    /// Whether somebody was told this before; remembers it.
    mutating func shouldTell(_ what: String) -> Bool {
        guard told.count < 20_000 else { return false }
        return told.insert(what).inserted
    }

    /// How much of the open files was not given yet, as far as the last look at each tells.
    var unread: UInt64 { open.reduce(0) { $0 + ($1.follower?.unread ?? 0) } }

    // MARK: turns

    mutating func makeReady(_ file: FollowedFile) {
        guard !file.isReady else { return }
        file.isReady = true
        ready.append(file)
    }

    /// The file whose turn it is. It stays so until `endTurn`.
    var current: FollowedFile? { hasReady ? ready[firstReady] : nil }

    /// Gives up the turns of files that are followed no longer.
    mutating func dropTurns(where isGone: (FollowedFile) -> Bool) {
        ready = ready[firstReady...].filter { !isGone($0) }
        firstReady = 0
        open.removeAll(where: isGone)
    }

    /// - Parameter hasMore: whether it gets another turn after the others.
    mutating func endTurn(of file: FollowedFile, hasMore: Bool) {
        guard current === file else { return }
        firstReady += 1
        if firstReady == ready.count || firstReady > 1024 {
            ready.removeFirst(firstReady)
            firstReady = 0
        }
        file.isReady = false
        if hasMore { return makeReady(file) }
        file.follower?.buffer.rest()
        if file.follower?.isWaiting ?? false {
            file.pause = FollowedFile.shortestPause
            if file.waitsSince == nil {
                file.waitsSince = .now
                waiting.append(file)
            }
        } else if file.waitsSince != nil {
            file.waitsSince = nil
            waiting.removeAll { $0 === file }
        }
        file.rest(.now)
    }

    /// The next unreported lines of the file, whose position must have been asked for.
    mutating func next(of file: FollowedFile) -> LogChunk? {
        looks += 1
        guard mayRead(file) else { return nil }
        // One that was parked with the beginning of a line is opened again only to report that.
        let isLast = isInLastRound || file.follower == nil && wasQuiet(file, .now)
        openFollower(of: file)
        let hasSource = file.follower?.hasSource() ?? false
        let chunk = hasSource ? file.follower?.next(isLast: isLast) : nil
        let identity = file.follower?.file?.identity
        if let identity, identity != file.identity, !take(identity, by: file) {
            // Its earlier file, which was renamed, is read under the new name: here the next one is.
            guard file.place != nil else { return nil }
            file.place = nil
            file.isNew = true
            return next(of: file)
        }
        if chunk == nil, file.follower?.file == nil, !hasSource {
            // It may be waited for for long.
            close(file)
            file.isNew = true
            file.place = nil
        }
        guard let chunk else { return nil }
        file.lastActive = looks
        file.pause = FollowedFile.shortestPause
        return chunk
    }

    /// Whether what waits of the file has waited for as long as a line without its end may.
    func wasQuiet(_ file: FollowedFile, _ now: ContinuousClock.Instant) -> Bool {
        guard let since = file.waitsSince, let quietTime = configuration.quietTime else { return false }
        return now - since >= quietTime
    }

    mutating func confirm(_ chunk: LogChunk, of file: FollowedFile) -> Bool {
        guard file.follower?.confirm(chunk) == true else { return false }
        file.reported = chunk.position
        return true
    }

    /// A position that the client has kept for a file that was not read yet.
    mutating func resume(_ file: FollowedFile, from position: LogPosition) {
        guard file.reported == nil else { return }
        close(file)
        file.place = position
        // The file may have got another name, under which it is found, too.
        if position.identity != file.identity { addHistory(position) }
    }

    // MARK: open files

    private mutating func openFollower(of file: FollowedFile) {
        guard file.follower == nil else { return }
        open.removeAll { $0.follower == nil }
        if open.count >= limits.openFiles { parkOne() }
        if file.place == nil, let identity = file.identity, wasRead(file.path, identity) {
            file.place = history[identity]
        }
        var configuration = configuration
        if file.isNew { configuration.startFrom = .start }
        var logger = logger
        logger[metadataKey: "path"] = "\(file.path)"
        var follower = LogFollower(path: file.path, configuration: configuration, logger: logger)
        if let place = file.place { follower.resume(from: place) }
        file.follower = follower
        open.append(file)
    }

    /// Closes the file that was quiet for longest, if possible one that is read to its end.
    private mutating func parkOne() {
        let byAge = open.sorted { $0.lastActive < $1.lastActive }
        let parkable = byAge.filter { !$0.isReady && $0.follower?.canPark == true }
        guard let file = parkable.first(where: { $0.waitsSince == nil }) ?? parkable.first ?? byAge.first else {
            return
        }
        file.park()
        open.removeAll { $0 === file }
    }

    func close(_ file: FollowedFile) {
        file.follower = nil
    }

    var openCount: Int { open.count { $0.follower?.file != nil } }
}
