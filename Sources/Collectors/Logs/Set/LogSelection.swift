internal import Glibc
package import SystemSupport

/// Which logs to follow.
package struct LogSelection: Sendable {
    /// One of the texts that were given.
    struct Item: Sendable {
        let text: String
        /// The path, if it is followed as it stands: it has no wildcards.
        let path: String?
        let patterns: [PathPattern]
        /// The folder, if it was given as one of torchrun's.
        let torchrunFolder: String?
    }

    let items: [Item]
    private let excluded: [PathPattern]

    /// Relative paths are resolved against the working directory now.
    ///
    /// - Parameters:
    ///   - files: paths and patterns.
    ///   - exclude: patterns of paths that no pattern finds. A path that is named in `files` itself is followed nevertheless. A pattern without
    ///     a slash is one for names in any folder.
    ///   - torchrun: folders that `torchrun --log-dir` was given.
    package init(files: [String], exclude: [String] = [], torchrun: [String] = []) {
        items =
            files.map { text in
                let path = Self.absolute(text)
                let isPattern = PathPattern.isPattern(path)
                return Item(
                    text: text, path: isPattern ? nil : path, patterns: isPattern ? PathPattern.all(path) : [],
                    torchrunFolder: nil)
            }
            + torchrun.map { text in
                var folder = Self.absolute(text)
                while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
                return Item(
                    text: text, path: nil, patterns: TorchrunOrigin.patterns(in: folder).flatMap(PathPattern.all),
                    torchrunFolder: folder)
            }
        excluded = exclude.flatMap { text in
            PathPattern.all(text.contains("/") ? Self.absolute(text) : "/**/" + text)
        }
    }

    /// Whether the text has wildcards.
    package static func isPattern(_ text: String) -> Bool { PathPattern.isPattern(text) }

    package var isEmpty: Bool { items.isEmpty }

    /// Whether patterns don't find the path.
    func excludes(_ path: String) -> Bool {
        excluded.contains { $0.matches(path, seesHidden: true) }
    }

    /// The item one of whose patterns the path matches.
    func item(matching path: String) -> Item? {
        guard !excludes(path) else { return nil }
        return items.first { item in item.patterns.contains { $0.matches(path) } }
    }

    /// The files that are there now, without their rotated ones; for a look at a failure.
    package func existingFiles() -> [FollowedLog] {
        var search = LogSearch(selection: self)
        search.run()
        let names = Set(search.files.map(\.log.path))
        return search.files.filter { $0.isNamed || RotatedName.base(of: $0.log.path, in: names.contains) == nil }.map(
            \.log)
    }

    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
        defer { free(directory) }
        return String(cString: directory) + "/" + path
    }
}

/// Names that rotation gives to a log's earlier files: `train.log.1`, `train.log-20261128`, `train.log.2.gz`.
enum RotatedName {
    private static let compressed = [".gz", ".xz", ".zst", ".bz2", ".lz4", ".Z", ".zip"]

    static func isCompressed(_ path: String) -> Bool {
        compressed.contains { path.hasSuffix($0) }
    }

    /// The log that the path is an earlier file of. `nil` if there is no such log.
    static func base(of path: String, in exists: (String) -> Bool) -> String? {
        var name = path[...]
        if let ending = compressed.first(where: path.hasSuffix) { name = name.dropLast(ending.count) }
        if name.count < path.count, exists(String(name)) { return String(name) }
        // A number or a date after a dot or a dash; a date may have several parts.
        while let last = name.utf8.last, isDigit(last) {
            let rest = name.utf8.reversed().drop(while: isDigit).reversed()
            guard let mark = rest.last, [0x2E, 0x2D, 0x5F].contains(mark) else { return nil }
            name = path[..<path.utf8.index(path.startIndex, offsetBy: rest.count - 1)]
            if mark != 0x5F, exists(String(name)) { return String(name) }
        }
        return nil
    }
}

extension LogSelection {
    /// Opens a log that the selection has found, for reading, unless somebody else only wants it read (`LogPath`).
    package static func open(_ path: String) throws(SystemCallError) -> CInt {
        try LogPath.open(path)
    }
}
