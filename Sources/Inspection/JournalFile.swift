private import Foundation

/// A file in a lane's directory.
public struct JournalFile: Hashable, Sendable, Codable {
    /// What it is there for, by its name's ending.
    public enum Kind: String, Sendable, Codable {
        case segment
        /// Set aside since it was damaged.
        case corrupt
        /// Set aside since its write failed; nothing in it counts.
        case leftover
    }

    public var name: String
    public var kind: Kind
    public var bytes: Int
    /// When it was last written to, seconds since 1970.
    public var modified: Int64

    /// The files of a lane in the order of their numbers; those that vanish meanwhile are left out, and those that are no segments.
    static func all(in directory: String) -> [JournalFile] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.sorted().compactMap { name in
            guard let kind = kind(of: name),
                let attributes = try? FileManager.default.attributesOfItem(atPath: directory + "/" + name)
            else { return nil }
            let modified = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            return JournalFile(
                name: name, kind: kind, bytes: (attributes[.size] as? NSNumber)?.intValue ?? 0,
                modified: Int64(modified))
        }
    }

    private static func kind(of name: String) -> Kind? {
        if name.hasSuffix(".seg") { return .segment }
        if name.hasSuffix(".seg.corrupt") { return .corrupt }
        return name.hasSuffix(".seg.leftover") ? .leftover : nil
    }
}
