private import Glibc
internal import SystemSupport

extension LogSelection {
    /// Why something that a setting names can't be followed as things are now.
    package struct Obstacle: Hashable, Sendable {
        package let sentence: String
        /// Whether it is about a folder of torchrun's.
        package let isOfTorchrun: Bool
    }

    /// Of files that patterns find and that this user may not read, more are not told one by one.
    private static let mostUnreadable = 5

    /// Looks for all files once, as following them does. What is not there yet may still come; but a name may be misspelt.
    package func obstacles() -> [Obstacle] {
        guard !isEmpty else { return [] }
        var search = LogSearch(selection: self)
        search.run()
        var obstacles = items.compactMap { item in
            let sentence =
                item.path.map(Self.obstacle(ofPath:))
                ?? item.torchrunFolder.map { Self.obstacle(ofFolder: $0, search.refusals[item.text]) }
                ?? Self.obstacle(ofPattern: item.text, in: search)
            return sentence.map { Obstacle(sentence: $0, isOfTorchrun: item.torchrunFolder != nil) }
        }
        let unreadable = search.files.filter { !$0.isNamed && $0.status != nil }.compactMap { file in
            PathLook.refusal(R_OK, "read", file.log.path).map {
                Obstacle(sentence: $0, isOfTorchrun: file.log.torchrun != nil)
            }
        }
        obstacles += unreadable.prefix(Self.mostUnreadable)
        if unreadable.count > Self.mostUnreadable {
            let rest = "\(unreadable.count - Self.mostUnreadable) more of the files can't be read either"
            obstacles.append(Obstacle(sentence: rest, isOfTorchrun: false))
        }
        return obstacles
    }

    private static func obstacle(ofPath path: String) -> String? {
        switch PathLook(path) {
        case .regular: return PathLook.refusal(R_OK, "read", path)
        case .folder: return "\(path) is a folder; name the files in it, as with \(path == "/" ? "" : path)/*.log"
        case .special(let kind): return "\(path) is \(kind); only a file can be followed"
        case .hidden(let reason): return "cannot look at \(path): \(reason)"
        case .missing:
            let folder = Directory.parent(of: path)
            let nor = PathLook(folder) == .missing ? ", nor is there a folder \(folder)" : ""
            return "there is no log \(path) yet\(nor); it is followed as soon as there is"
        }
    }

    private static func obstacle(ofFolder folder: String, _ refusal: SystemCallError?) -> String? {
        switch PathLook(folder) {
        case .missing: "there is no folder \(folder) yet"
        case .hidden(let reason): "cannot look at the folder \(folder): \(reason)"
        case .regular, .special: "\(folder) is no folder"
        case .folder: refusal.map { "no log is found in \(folder): \($0)" }
        }
    }

    private static func obstacle(ofPattern pattern: String, in search: LogSearch) -> String? {
        guard search.unmatched.contains(pattern) else { return nil }
        if let refusal = search.refusals[pattern] { return "nothing can match \(pattern): \(refusal)" }
        let folder = fixedFolder(of: pattern)
        switch PathLook(folder) {
        case .missing: return "nothing can match \(pattern) yet: there is no folder \(folder)"
        case .hidden(let reason): return "nothing can match \(pattern): cannot look at \(folder): \(reason)"
        case .regular, .special: return "nothing can match \(pattern): \(folder) is no folder"
        case .folder: return nil
        }
    }

    /// The last folder before a pattern's first special character.
    private static func fixedFolder(of pattern: String) -> String {
        Directory.parent(of: String(pattern.prefix { !"*?[{".contains($0) }) + "x")
    }
}
