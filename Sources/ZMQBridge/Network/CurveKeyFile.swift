private import Glibc
private import SystemPackage
private import SystemSupport

/// A key pair's files, in the format of `zmq.auth.create_certificates`: `NAME.key` has the public key, `NAME.key_secret` both. pyzmq, czmq and
/// others read them.
public struct CurveKeyFile: Hashable, Sendable {
    /// In bytes; they have a few hundred.
    private static let longest = 64 << 10

    public let path: String

    public init(path: String) {
        self.path = path
    }

    /// The pair. Blocks.
    ///
    /// - Throws: also where others may read the file: whoever does could pass for its owner.
    public func readPair() throws(CurveError) -> CurveKeyPair {
        let keys = try read()
        guard let publicKey = keys.publicKey, let secretKey = keys.secretKey else {
            throw CurveError(
                "\(path) has no secret key; it must be a file with public-key = \"…\" and secret-key = \"…\", as arobust keys new makes NAME.key_secret"
            )
        }
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o077 != 0 {
            throw CurveError("others may read the secret key in \(path); chmod it to 600")
        }
        guard let pair = CurveKeyPair(publicKey: publicKey, secretKey: secretKey) else {
            throw CurveError("the public key in \(path) does not belong to its secret key")
        }
        return pair
    }

    /// The public key of either file. Blocks.
    public func readPublicKey() throws(CurveError) -> CurveKey {
        guard let key = try read().publicKey else {
            throw CurveError("\(path) has no line public-key = \"…\", with 40 characters of Z85")
        }
        return key
    }

    private func read() throws(CurveError) -> (publicKey: CurveKey?, secretKey: CurveKey?) {
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try WholeFile(path: path).read(limit: Self.longest)
        } catch {
            throw CurveError("the key cannot be read: \(error)")
        }
        return Self.keys(in: String(decoding: bytes, as: UTF8.self))
    }

    /// As pyzmq's `load_certificate` reads them.
    static func keys(in text: String) -> (publicKey: CurveKey?, secretKey: CurveKey?) {
        var keys: (publicKey: CurveKey?, secretKey: CurveKey?)
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1).map { part in
                String(part.filter { !" \t\"'".contains($0) })
            }
            guard parts.count == 2 else { continue }
            switch parts[0] {
            case "public-key": keys.publicKey = keys.publicKey ?? CurveKey(parts[1])
            case "secret-key": keys.secretKey = keys.secretKey ?? CurveKey(parts[1])
            default: break
            }
        }
        return keys
    }

    /// Writes both files of a new pair: the secret one for its owner alone.
    ///
    /// - Parameters:
    ///   - name: of the files, without a suffix; may have folders.
    ///   - made: a text about the pair's origin, one line.
    /// - Throws: `CurveError` if one of the files is there: no key is ever replaced.
    public static func write(_ pair: CurveKeyPair, name: String, made: String) throws(CurveError) {
        let secret = """
            #   \(made)
            #   ZeroMQ CURVE **Secret** Certificate
            #   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.

            metadata
            curve
                public-key = "\(pair.publicKey.text)"
                secret-key = "\(pair.secretKey.text)"

            """
        let shown = """
            #   \(made)
            #   ZeroMQ CURVE Public Certificate
            #   Exchange securely, or use a secure mechanism to verify the contents of this file after exchange.

            metadata
            curve
                public-key = "\(pair.publicKey.text)"

            """
        try create(name + ".key_secret", secret, mode: 0o600)
        do throws(CurveError) {
            try create(name + ".key", shown, mode: 0o644)
        } catch {
            unlink(name + ".key_secret")
            throw error
        }
    }

    private static func create(_ path: String, _ text: String, mode: mode_t) throws(CurveError) {
        do throws(SystemCallError) {
            let descriptor = try SystemCallError.retrying("make", path: path) {
                open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
            }
            defer { close(descriptor) }
            try WholeFile.writeAll(Array(text.utf8), to: descriptor, path: path)
            guard fsync(descriptor) == 0 else { throw SystemCallError("fsync", path: path) }
        } catch {
            throw CurveError("no key is written: \(error)")
        }
    }
}
