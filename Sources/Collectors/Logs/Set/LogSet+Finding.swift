internal import Glibc
internal import Logging
internal import SystemPackage
internal import SystemSupport

extension LogSet {
    /// Takes in what has changed since the last call: costs next to nothing when nothing has.
    mutating func look(now: ContinuousClock.Instant = .now) {
        takeEvents()
        if nextSearch.map({ $0 <= now }) ?? true { search() }
        for file in polled where !file.isReady && file.nextPoll <= now { poll(file, now) }
        for file in waiting where !file.isReady && file.nextPoll <= now {
            if file.follower != nil || wasQuiet(file, now) { makeReady(file) }
        }
    }

    /// How long `look` has nothing to do unless inotify tells of something.
    func quietTime(_ now: ContinuousClock.Instant) -> Duration {
        guard !hasReady, let nextSearch else { return .zero }
        let files = polled.lazy.map(\.nextPoll).min()
        let lines = waiting.lazy.map(\.nextPoll).min()
        return max(.zero, now.duration(to: min(nextSearch, files ?? nextSearch, lines ?? nextSearch)))
    }

    /// Looks at everything: for the last round before the end.
    mutating func lookAtAll() {
        takeEvents()
        search()
        let byActivity = files.values.sorted { ($0.lastActive, $1.path) > ($1.lastActive, $0.path) }
        for file in byActivity where file.follower != nil || file.waitsSince != nil || hasChanged(file) {
            makeReady(file)
        }
    }

    private mutating func poll(_ file: FollowedFile, _ now: ContinuousClock.Instant) {
        if hasChanged(file) {
            file.pause = FollowedFile.shortestPause
            makeReady(file)
        } else {
            file.rest(now)
        }
    }

    /// Whether the path names another file, or a changed one, than at the last look.
    private func hasChanged(_ file: FollowedFile) -> Bool {
        guard let status = try? FileStatus(path: file.path) else {
            defer { file.seen = nil }
            return file.seen != nil || file.follower?.position(after: 0) != nil
        }
        defer { file.seen = status }
        guard let seen = file.seen, seen.identity == status.identity else { return true }
        return !status.isUnchanged(since: seen)
    }

    // MARK: events

    private mutating func takeEvents() {
        guard let watcher else { return }
        var isLost = false
        for event in watcher.events() {
            if event.isOverflow {
                isLost = true
            } else if let file = fileOfWatch[event.watch] {
                if event.isEnd { fileOfWatch[event.watch] = nil }
                file.seen = nil
                makeReady(file)
            } else if let paths = folderOfWatch[event.watch] {
                for folder in paths { take(event, in: folder) }
            }
        }
        guard isLost else { return }
        logger.notice("inotify's queue was full; all logs are looked at.")
        for file in files.values { makeReady(file) }
        searchSoon()
    }

    private mutating func take(_ event: FolderWatcher.Event, in folder: String) {
        if event.isEnd || event.name.isEmpty {
            // The folder itself has changed its place, its rights, or is gone.
            if event.isEnd { folderOfWatch[event.watch] = nil }
            if event.isEnd || !event.has(IN_ATTRIB) { folders[folder] = nil }
            for file in files.values where file.path.hasPrefix(folder + "/") { makeReady(file) }
            return searchSoon()
        }
        let path = (folder == "/" ? "" : folder) + "/" + event.name
        if let file = files[path] {
            file.seen = nil
            makeReady(file)
        } else if event.isFolder {
            if event.isArrival { searchSoon() }
        } else if event.isArrival, let item = selection.item(matching: path),
            let status = try? FileStatus(path: path), status.isRegular
        {
            consider(LogSearch.Found(log: LogSearch.log(path, item), status: status, isNamed: false))
        } else if event.isArrival, givenPaths.contains(path) {
            searchSoon()
        }
    }

    /// Texts with wildcards may yet exist as they stand.
    private var givenPaths: [String] { selection.items.map { LogSelection.absolute($0.text) } }

    private mutating func searchSoon() {
        nextSearch = min(nextSearch ?? earliestSearch, earliestSearch)
    }

    // MARK: searching

    private mutating func search() {
        let start = ContinuousClock.now
        let isFirst = nextSearch == nil
        var search = LogSearch(selection: selection)
        search.run()
        mounts = nil
        for folder in search.folders where folders[folder] == nil { watch(folder) }
        for folder in folders.keys where !search.folders.contains(folder) { folders[folder] = nil }
        let names = Set(search.files.map(\.log.path))
        let looksAtRotated = start >= nextRotationLook
        if looksAtRotated { nextRotationLook = start + .seconds(10) }
        for found in search.files {
            consider(found, isFirst: isFirst, names: names, looksAtRotated: looksAtRotated)
        }
        for file in files.values where !file.isNamed && !names.contains(file.path) { noteMissing(file) }
        for file in files.values where file.isNamed && hasChanged(file) { makeReady(file) }
        for text in search.unmatched where shouldTell("pattern \(text)") {
            guard let refusal = search.refusals[text] else {
                logger.notice("no file matches \(text) yet; waiting")
                continue
            }
            logger.warning("no file matches \(text), and some can't be seen: \(refusal)")
        }
        if search.isCut, shouldTell("cut") {
            logger.warning(
                "There are too many files and folders to search; some logs may not be found. Use narrower patterns.")
        }
        // A search takes at most a fiftieth of the time.
        let duration = start.duration(to: .now)
        let isPolled = folders.values.contains { $0.isSearched } || watcher == nil
        nextSearch = .now + max(isPolled ? Self.quickSearch : Self.slowSearch, duration * (isPolled ? 50 : 200))
        earliestSearch = .now + max(.milliseconds(50), duration * 10)
    }

    /// - Parameters:
    ///   - isFirst: whether the file was there from the beginning.
    ///   - names: the paths of all files of a search; `nil`: those of the set.
    mutating func consider(
        _ found: LogSearch.Found, isFirst: Bool = false, names: Set<String>? = nil, looksAtRotated: Bool = false
    ) {
        let path = found.log.path
        if let file = files[path] {
            file.misses = 0
            guard let status = found.status else { return }
            defer { file.seen = status }
            if let seen = file.seen, seen.identity == status.identity, status.isUnchanged(since: seen) { return }
            return makeReady(file)
        }
        if !found.isNamed, let status = found.status {
            if let reader = reader(of: status.identity) { return tellTwin(path, of: reader) }
            if wasRead(path, status.identity) { return }
            let exists = { (name: String) in names?.contains(name) ?? (files[name] != nil) }
            if let base = RotatedName.base(of: path, in: exists) {
                guard isLogOfItsOwn(path, status, looksAtRotated), !RotatedName.isCompressed(path) else {
                    if shouldTell("rotated \(base)") {
                        logger.info(
                            "Files that look like a log's rotated ones are read only as its continuation. Name one to follow it by itself.",
                            metadata: ["path": "\(base)", "file": "\(path)"])
                    }
                    return
                }
            } else if RotatedName.isCompressed(path) {
                if shouldTell("compressed \(Directory.parent(of: path))") {
                    logger.info(
                        "Compressed files that a pattern finds are not followed.", metadata: ["file": "\(path)"])
                }
                return
            }
        }
        if !found.isNamed, let refusal = LogPath.refusal(path) {
            if shouldTell("refused \(path)") {
                logger.warning("The log is not followed.", metadata: ["error": "\(refusal)"])
            }
            return
        }
        guard files.count < limits.files else {
            if shouldTell("too many") {
                logger.warning(
                    "There are more logs than are followed at a time (logs.max-files).",
                    metadata: ["limit": "\(limits.files)", "path": "\(path)"])
            }
            return
        }
        let file = FollowedFile(log: found.log, isNamed: found.isNamed, isNew: !isFirst)
        files[path] = file
        hasNewFiles = true
        file.seen = found.status
        if let status = found.status, status.isRegular, LogPath.refusal(path) == nil {
            _ = take(status.identity, by: file)
        }
        noteWatch(of: file)
        makeReady(file)
    }

    /// A rotated file is not written to for long. One that grows is a log whose name only looks like that.
    private mutating func isLogOfItsOwn(_ path: String, _ status: FileStatus, _ looks: Bool) -> Bool {
        guard let earlier = rotated[path] else {
            if rotated.count < limits.files { rotated[path] = (status.size, 0) }
            return false
        }
        guard looks else { return false }
        let growths = status.size > earlier.size ? earlier.growths + 1 : 0
        rotated[path] = (status.size, growths)
        return growths >= 2
    }

    /// A file that a pattern had found is gone: it is read to its end, and then forgotten.
    private mutating func noteMissing(_ file: FollowedFile) {
        file.misses += 1
        file.seen = nil
        guard file.misses > 2, !file.isReady else { return makeReady(file) }
        if let identity = file.identity, readers[identity] === file { readers[identity] = nil }
        remember(file)
        files[file.path] = nil
        polled.removeAll { $0 === file }
        waiting.removeAll { $0 === file }
    }

    // MARK: watching

    private mutating func watch(_ folder: String) {
        let table = mounts ?? MountTable()
        mounts = table
        let type = realpath(folder, nil).flatMap { path in
            defer { free(path) }
            return table.type(of: String(cString: path))
        }
        var isWatched = false
        if folderOfWatch.count < Self.mostFolders, let watcher {
            do throws(SystemCallError) {
                folderOfWatch[try watcher.watch(folder: folder), default: []].insert(folder)
                isWatched = true
            } catch  where error.code == .noSpace {
                if shouldTell("watches") {
                    logger.warning(
                        "inotify allows no further watch (fs.inotify.max_user_watches); the folder is looked at from time to time.",
                        metadata: ["folder": "\(folder)"])
                }
            } catch {
                // It is gone, or not readable: the search comes again.
            }
        }
        if isWatched, !MountTable.tellsAll(type), shouldTell("type \(folder)") {
            logger.notice(
                "inotify does not see what others write to this file system; the folder is looked at from time to time.",
                metadata: ["folder": "\(folder)", "type": "\(type ?? "unknown")"])
        }
        folders[folder] = (!isWatched || MountTable.needsPolling(type), !isWatched || !MountTable.tellsAll(type))
        for file in files.values where Directory.parent(of: file.path) == folder { noteWatch(of: file) }
    }

    /// Decides whether the file must be polled. One with several names is written to under another one, whose folder is not watched.
    private mutating func noteWatch(of file: FollowedFile) {
        var status = stat()
        let isFound = lstat(file.path, &status) == 0
        let hasNames =
            isFound && (status.st_mode & S_IFMT == S_IFLNK || status.st_nlink > 1 && status.st_mode & S_IFMT == S_IFREG)
        if hasNames, fileOfWatch.count < Self.mostFolders, let watch = try? watcher?.watch(file: file.path) {
            fileOfWatch[watch] = file
        }
        let wasPolled = polled.contains { $0 === file }
        file.isPolled = hasNames || folders[Directory.parent(of: file.path)]?.isPolled ?? true
        if file.isPolled, !wasPolled { polled.append(file) }
        if !file.isPolled, wasPolled { polled.removeAll { $0 === file } }
    }
}
