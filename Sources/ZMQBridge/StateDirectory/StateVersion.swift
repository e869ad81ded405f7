internal import Diagnosis
private import SystemPackage
internal import SystemSupport

/// The version of a state directory as a whole, in its file `version`: the number on the first line, for people what wrote it on the second.
///
/// The files in it have versions of their own as well. This one is raised when an older arobust must not use the directory at all, also where it
/// could read some of the files, and it is looked at before anything else in there is opened.
enum StateVersion {
    /// What this program writes and reads: 1 is also what directories are that have no such file, since 0.1.0 made none at first.
    static let newest = 1
    private static let first = 1

    /// In bytes; a newer arobust may write more lines.
    private static let longest = 4096

    /// Checks that this program knows the directory's version. Nothing is there yet, or this user may not look: that is said elsewhere.
    ///
    /// - Throws: `StateDirectoryError.newerDirectory`, or `unreadable` for a file without a number.
    static func check(in directory: String) throws(StateDirectoryError) {
        _ = try read(in: directory)
    }

    /// Writes this program's version down, if it is not there. Call it under the publisher's lock, before the directory is used.
    ///
    /// - Returns: why it can't be written, where the directory is of this version anyway.
    static func raise(in directory: String) throws -> SystemCallError? {
        let found = try read(in: directory)
        guard found != newest else { return nil }
        do throws(SystemCallError) {
            let text = "\(newest)\narobust \(ProductVersion.text)\n"
            // Whoever may enter the directory may know its version.
            try WholeFile(path: path(in: directory)).replace(with: Array(text.utf8), mode: 0o644)
            return nil
        } catch {
            guard (found ?? first) == newest else { throw error }
            return error
        }
    }

    private static func path(in directory: String) -> String { directory + "/version" }

    /// The version that the file names; `nil` without a file.
    private static func read(in directory: String) throws(StateDirectoryError) -> Int? {
        let path = path(in: directory)
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try WholeFile(path: path).read(limit: longest, followsLinks: false)
        } catch {
            switch error.code {
            case .noSuchFileOrDirectory, .notDirectory, .permissionDenied: return nil
            default: throw .unreadable(path: path, reason: error.reason)
            }
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", maxSplits: 2)
        guard let number = lines.first.flatMap({ Int($0) }), number >= first else {
            throw .unreadable(path: path, reason: "it does not begin with a version's number")
        }
        guard number <= newest else {
            throw .newerDirectory(path: directory, version: number, writer: writer(lines.dropFirst().first ?? ""))
        }
        return number
    }

    /// The program that the second line names, as far as it can be shown as it stands.
    private static func writer(_ line: Substring) -> String? {
        let isPlain = line.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || " .-+0123456789".unicodeScalars.contains($0))
        }
        return isPlain && line.hasPrefix("arobust ") && line.utf8.count <= 64 ? String(line) : nil
    }
}

extension StateDirectory {
    /// Checks that this program knows the directory's version. A directory that is not there has none.
    package func checkVersion() throws(StateDirectoryError) {
        try StateVersion.check(in: path)
    }
}
