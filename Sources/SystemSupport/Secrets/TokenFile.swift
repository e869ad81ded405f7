private import Glibc

/// A file whose first line is a secret that lets somebody in.
package struct TokenFile: Sendable {
    /// In bytes.
    private static let longest = 4096

    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// The first line without blanks around it. Blocks.
    ///
    /// - Throws: also where others may read the file: whoever does could pass for this program.
    package func read() throws(TokenFileError) -> String {
        let token = try line("token")
        guard (16...1024).contains(token.utf8.count), token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw TokenFileError(
                description:
                    "the first line of \(path) is no token: it must be 16 to 1,024 printable ASCII characters without spaces"
            )
        }
        return token
    }

    /// `user:password`, in the first line, for a server that wants both (RFC 7617). As `read` otherwise.
    package func readCredentials() throws(TokenFileError) -> String {
        let credentials = try line("password")
        guard let colon = credentials.firstIndex(of: ":"), colon > credentials.startIndex,
            credentials.utf8.count <= 1024, credentials.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else {
            throw TokenFileError(
                description:
                    "the first line of \(path) must be a user, a colon and a password, of at most 1,024 bytes together")
        }
        return credentials
    }

    /// A password or a token that somebody else has chosen: 1 to 1,024 bytes. As `read` otherwise.
    package func readSecret() throws(TokenFileError) -> String {
        let secret = try line("secret")
        guard (1...1024).contains(secret.utf8.count), secret.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw TokenFileError(
                description: "the first line of \(path) must have 1 to 1,024 bytes, without control characters")
        }
        return secret
    }

    /// Headers that a server wants to see, `name: value` a line. Empty lines, and those that begin with `#`, say nothing. As `read` otherwise.
    package func readHeaders() throws(TokenFileError) -> [(line: Int, name: String, value: String)] {
        var headers: [(line: Int, name: String, value: String)] = []
        let lines = String(decoding: try bytes("header"), as: UTF8.self).split(
            omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, text) in lines.enumerated() {
            let text = String(text).trimmingBlanks
            if text.isEmpty || text.hasPrefix("#") { continue }
            guard let colon = text.firstIndex(of: ":"), colon > text.startIndex else {
                throw TokenFileError(
                    description: "line \(index + 1) of \(path) must be a header's name, a colon and its value")
            }
            headers.append(
                (
                    index + 1, String(text[..<colon]).trimmingBlanks,
                    String(text[text.index(after: colon)...]).trimmingBlanks
                ))
        }
        return headers
    }

    private func line(_ what: String) throws(TokenFileError) -> String {
        let line = try bytes(what).prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        return String(decoding: line, as: UTF8.self).trimmingBlanks
    }

    private func bytes(_ what: String) throws(TokenFileError) -> [UInt8] {
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try WholeFile(path: path).read(limit: Self.longest)
        } catch {
            throw TokenFileError(description: "the \(what) cannot be read: \(error)")
        }
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o007 != 0 {
            throw TokenFileError(description: "everybody may read the \(what) in \(path); chmod it to 600")
        }
        return bytes
    }
}

/// A token that cannot be used. Never says what is in the file.
package struct TokenFileError: Error, CustomStringConvertible {
    package let description: String
}

extension String {
    fileprivate var trimmingBlanks: String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
