internal import Diagnosis
internal import SystemSupport

/// Other settings for a set that is being read. Between two rounds.
extension LogSet {
    /// So many logs that are no longer selected are remembered.
    private static let mostLeft = 1000

    /// Follows another selection from now on, in another way. A log of both is read on where it is; one that is no longer selected is closed, and
    /// read on if it is selected again.
    mutating func change(
        to selection: LogSelection, limits: Limits, configuration: LogCollector.Configuration
    ) {
        // What has appeared up to now is new to the old selection: it is read from its first line.
        look()
        self.selection = selection
        self.limits = Self.possible(limits)
        let isReadAlike = Self.thrifty(configuration) == self.configuration
        self.configuration = Self.thrifty(configuration)
        var search = LogSearch(selection: selection)
        search.run()
        let found = Dictionary(search.files.map { ($0.log.path, $0) }) { first, _ in first }
        for file in files.values where !isSelected(file, found) { leave(file) }
        if !isReadAlike {
            // A file is read as it was when it was opened.
            for file in files.values {
                file.park()
                // One that is parked with the beginning of a line is taken for quiet since then; that counts from now.
                file.waitsSince = nil
                makeReady(file)
            }
            waiting = []
        }
        let followed = files
        dropTurns { followed[$0.path] !== $0 }
        forgetFolders(but: search.folders)
        // As after a start: logs that are there now are begun as the settings say.
        nextSearch = nil
        look()
        for file in files.values {
            guard let place = left.removeValue(forKey: file.path), file.place == nil else { continue }
            file.place = place
            file.isNew = false
        }
    }

    /// Whether the file is followed still, and as the same one: by its path or by a pattern, and with the same origin.
    private func isSelected(_ file: FollowedFile, _ found: [String: LogSearch.Found]) -> Bool {
        guard let item = found[file.path] else {
            // It is gone, or not there yet, or has another name meanwhile: what was read of it has an end still to come.
            return !file.isNamed && selection.item(matching: file.path) != nil
        }
        return item.isNamed == file.isNamed && item.log == file.log
    }

    /// Stops following a file, and remembers how far it was read.
    private mutating func leave(_ file: FollowedFile) {
        file.park()
        if let place = file.place, left.count < Self.mostLeft || left[file.path] != nil { left[file.path] = place }
        if let identity = file.identity, readers[identity] === file { readers[identity] = nil }
        files[file.path] = nil
        polled.removeAll { $0 === file }
        waiting.removeAll { $0 === file }
        for (watch, watched) in fileOfWatch where watched === file {
            watcher?.end(watch)
            fileOfWatch[watch] = nil
        }
    }

    /// Ends the watches of folders in which nothing is looked for any more.
    private mutating func forgetFolders(but wanted: some Collection<String>) {
        for (watch, paths) in folderOfWatch {
            let kept = paths.filter { wanted.contains($0) }
            if kept.isEmpty {
                watcher?.end(watch)
                folderOfWatch[watch] = nil
            } else {
                folderOfWatch[watch] = kept
            }
        }
        for folder in folders.keys where !wanted.contains(folder) { folders[folder] = nil }
    }
}
