internal import Diagnosis
private import SystemPackage
internal import SystemSupport

/// The public keys of those who may use the bus over the network, each with a name: what a file as ssh's `authorized_keys` says.
///
/// A line is a key, a name and, if one likes, a comment. Empty lines and those that begin with a number sign and a blank say nothing.
struct AuthorizedKeys: Hashable, Sendable {
    /// In bytes, of the file.
    static let longest = 1 << 20
    static let mostKeys = 4096

    /// The name of each key.
    private(set) var names: [CurveKey: String] = [:]
    /// Lines that are no key, with their numbers: a sentence each.
    private(set) var faults: [String] = []

    /// Nobody.
    init() {}

    /// - Parameter path: of the file, for the faults.
    init(reading text: String, path: String) {
        // The two bytes of a line's end on Windows are one character.
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, line) in lines.enumerated() {
            let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }
            guard let first = words.first, first != "#" else { continue }
            if let fault = add(String(first), name: words.count > 1 ? String(words[1]) : nil) {
                faults.append("\(path), line \(index + 1): \(fault)")
            }
        }
    }

    private mutating func add(_ text: String, name: String?) -> String? {
        guard let key = CurveKey(text) else { return "it must begin with \(CurveKey.rule), or with # and a blank" }
        guard let name, TopicWord.isValid(name) else {
            return "behind the key must be a name, \(TopicWord.rule)"
        }
        guard names[key] == nil else { return "the key of \(name) stands in an earlier line, too" }
        guard names.count < Self.mostKeys else { return "it is one too many: \(Self.mostKeys) keys are taken" }
        names[key] = name
        return nil
    }

    /// Whether somebody who might come in before may not any more.
    func hasRevoked(since earlier: AuthorizedKeys) -> Bool {
        earlier.names.keys.contains { names[$0] == nil }
    }
}

/// Such a file.
struct AuthorizedKeysFile: Hashable, Sendable {
    let path: String

    /// Blocks.
    ///
    /// - Returns: `nil` where there is no such file.
    /// - Throws: `CurveError` where it can't be read, or is too long.
    func read() throws(CurveError) -> AuthorizedKeys? {
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try WholeFile(path: path).read(limit: AuthorizedKeys.longest + 1)
        } catch {
            if error.code == .noSuchFileOrDirectory { return nil }
            throw CurveError("the authorized keys cannot be read: \(error)")
        }
        guard bytes.count <= AuthorizedKeys.longest else {
            throw CurveError("\(path) is larger than a file of authorized keys may be (1 MiB)")
        }
        return AuthorizedKeys(reading: String(decoding: bytes, as: UTF8.self), path: path)
    }
}
