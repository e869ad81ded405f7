internal import Glibc
private import SystemPackage
internal import SystemSupport

/// One look through the folders for the files of a selection. Blocks on the file system; bounded in names and depth.
struct LogSearch {
    /// A file, and how it was found.
    struct Found {
        let log: FollowedLog
        /// `nil`: a named path where nothing is, or nothing that can be looked at.
        let status: FileStatus?
        /// Whether its path was given as it stands.
        let isNamed: Bool
    }

    static let mostNames = 500_000
    static let deepest = 40

    let selection: LogSelection
    private(set) var files: [Found] = []
    /// The folders in which files of the selection are, or may appear. Of those that don't exist, the one above that does.
    private(set) var folders: Set<String> = []
    /// The texts of the selection that no file matches.
    private(set) var unmatched: [String] = []
    /// Of those, the ones on whose way a folder is that this user may not enter or list: what was refused first.
    private(set) var refusals: [String: SystemCallError] = [:]
    private var refusal: SystemCallError?
    /// Whether there were more names than it looks at.
    private(set) var isCut = false
    private var paths: Set<String> = []
    private var names = 0

    init(selection: LogSelection) {
        self.selection = selection
    }

    mutating func run() {
        // Those with names first: they win over the same files found by patterns.
        for item in selection.items {
            if let path = item.path {
                add(path, isNamed: true)
            } else if item.torchrunFolder == nil, let path = Self.existing(item.text) {
                add(path, isNamed: true)
            }
        }
        for item in selection.items where item.path == nil {
            let before = paths.count
            refusal = nil
            for pattern in item.patterns { walk("", pattern.parts[...], depth: 0, item) }
            if paths.count == before, !hasMatch(item) {
                unmatched.append(item.text)
                refusals[item.text] = refusal
            }
        }
    }

    /// The path that a text with wildcards is when it is read literally, if there is something.
    private static func existing(_ text: String) -> String? {
        let path = LogSelection.absolute(text)
        return (try? FileStatus(path: path)) == nil ? nil : path
    }

    private func hasMatch(_ item: LogSelection.Item) -> Bool {
        paths.contains { path in path == LogSelection.absolute(item.text) || item.patterns.contains { $0.matches(path) }
        }
    }

    private mutating func add(_ path: String, isNamed: Bool) {
        guard paths.insert(path).inserted else { return }
        files.append(Found(log: FollowedLog(path: path), status: try? FileStatus(path: path), isNamed: isNamed))
        watchNearest(Directory.parent(of: path))
    }

    private mutating func walk(
        _ folder: String, _ parts: ArraySlice<PathPattern.Part>, depth: Int, _ item: LogSelection.Item
    ) {
        guard let part = parts.first else { return }
        guard depth < Self.deepest, names < Self.mostNames else {
            isCut = true
            return
        }
        let rest = parts.dropFirst()
        switch part {
        case .name(let name):
            let path = folder + "/" + name
            if rest.isEmpty {
                if !addMatch(path, item) { watchNearest(folder) }
            } else if Self.isFolder(path) {
                walk(path, rest, depth: depth + 1, item)
            } else {
                do throws(SystemCallError) { _ = try FileStatus(path: path) } catch { recordRefusal(error) }
                watchNearest(path)
            }
        case .wildcard(let pattern):
            for name in list(folder) where pattern.matches(name) {
                let path = folder + "/" + name
                if rest.isEmpty {
                    _ = addMatch(path, item)
                } else if Self.isFolder(path) {
                    walk(path, rest, depth: depth + 1, item)
                }
            }
        case .anyDepth:
            walk(folder, rest, depth: depth, item)
            // Links to folders are not followed here, so there are no loops.
            for name in list(folder) where !name.hasPrefix(".") {
                let path = folder + "/" + name
                if Self.isFolder(path, followsLinks: false) { walk(path, parts, depth: depth + 1, item) }
            }
        }
    }

    private mutating func addMatch(_ path: String, _ item: LogSelection.Item) -> Bool {
        let status: FileStatus
        do throws(SystemCallError) {
            status = try FileStatus(path: path)
        } catch {
            recordRefusal(error)
            return false
        }
        guard status.isRegular, !selection.excludes(path) else { return false }
        guard paths.insert(path).inserted else { return true }
        folders.insert(Directory.parent(of: path))
        files.append(Found(log: Self.log(path, item), status: status, isNamed: false))
        return true
    }

    static func log(_ path: String, _ item: LogSelection.Item) -> FollowedLog {
        FollowedLog(path: path, torchrun: item.torchrunFolder.flatMap { TorchrunOrigin(path: path, in: $0) })
    }

    private mutating func list(_ folder: String) -> [String] {
        let folder = folder.isEmpty ? "/" : folder
        let all: [String]
        do throws(SystemCallError) {
            all = try Directory(path: folder).names()
        } catch {
            recordRefusal(error)
            watchNearest(folder)
            return []
        }
        folders.insert(folder)
        names += all.count
        return all
    }

    /// Keeps the first refusal of a right: what isn't there may come, but what is refused stays so.
    private mutating func recordRefusal(_ error: SystemCallError) {
        guard [.permissionDenied, .notPermitted].contains(error.code) else { return }
        refusal = refusal ?? error
    }

    private mutating func watchNearest(_ folder: String) {
        var folder = folder.isEmpty ? "/" : folder
        while folder != "/", folder != ".", !Self.isFolder(folder) { folder = Directory.parent(of: folder) }
        folders.insert(folder)
    }

    private static func isFolder(_ path: String, followsLinks: Bool = true) -> Bool {
        var status = stat()
        guard (followsLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFDIR
    }
}
