private import Glibc
internal import NIOSSL
internal import SystemSupport

/// Where certificates and a key are, as PEM. Each file is read when it is needed, and again when it has changed.
package struct PEMFiles: Hashable, Sendable {
    /// In bytes: the authorities of an operating system are a quarter of it.
    private static let longest = 1 << 20
    /// Of lists of revoked certificates: some 400,000 of them.
    private static let longestList = 16 << 20

    /// The authorities that may have signed the other side's certificate; `nil`: those of the system.
    package var authorities: String?
    /// Our own certificate, with those between it and its authority behind it; `nil`: we show none.
    package var certificate: String?
    /// Its key, without a passphrase. Only its owner may read it.
    package var key: String?
    /// Lists of the certificates that the authorities have revoked; `nil`: none is looked for.
    package var revocations: String?

    package init(
        authorities: String? = nil, certificate: String? = nil, key: String? = nil, revocations: String? = nil
    ) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
        self.revocations = revocations
    }

    private var paths: [String] { [authorities, certificate, key, revocations].compactMap { $0 } }

    /// What tells a file that was replaced or written from what it was.
    struct Stamp: Hashable, Sendable {
        let inode: UInt64
        let bytes: Int
        let modified: Int64
    }

    /// Of each file; `nil` where there is none.
    var stamps: [Stamp?] {
        paths.map { path in
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            let modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
            return Stamp(inode: UInt64(status.st_ino), bytes: Int(status.st_size), modified: modified)
        }
    }

    func trusted() throws(TransportSecurityError) -> NIOSSLTrustRoots {
        guard let authorities else { return .default }
        return .certificates(try Self.certificates(in: authorities))
    }

    func chain() throws(TransportSecurityError) -> [NIOSSLCertificateSource] {
        guard let certificate else { return [] }
        return try Self.certificates(in: certificate).map { .certificate($0) }
    }

    func privateKey() throws(TransportSecurityError) -> NIOSSLPrivateKeySource? {
        guard let key else { return nil }
        let bytes = try Self.read(key)
        var status = stat()
        if stat(key, &status) == 0, status.st_mode & 0o007 != 0 {
            throw TransportSecurityError("everybody may read the key in \(key); chmod it to 600")
        }
        do {
            return .privateKey(try NIOSSLPrivateKey(bytes: bytes, format: .pem))
        } catch {
            throw TransportSecurityError("\(key) has no key that can be used: it must be PEM, without a passphrase")
        }
    }

    func revocationCheck() throws(TransportSecurityError) -> RevocationCheck? {
        guard let revocations else { return nil }
        guard let authorities else {
            throw TransportSecurityError(
                "a list of revoked certificates needs the file of the authorities that have revoked them")
        }
        let lists = try Self.read(revocations, limit: Self.longestList)
        return try RevocationCheck(authorities: Self.read(authorities), lists: lists, path: revocations)
    }

    private static func certificates(in path: String) throws(TransportSecurityError) -> [NIOSSLCertificate] {
        let bytes = try read(path)
        guard let found = try? NIOSSLCertificate.fromPEMBytes(bytes), !found.isEmpty else {
            throw TransportSecurityError("\(path) has no certificate that can be read: it must be PEM")
        }
        return found
    }

    private static func read(_ path: String, limit: Int = longest) throws(TransportSecurityError) -> [UInt8] {
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try WholeFile(path: path).read(limit: limit + 1)
        } catch {
            throw TransportSecurityError("\(error)")
        }
        guard bytes.count <= limit else {
            throw TransportSecurityError("\(path) is larger than such a file may be (\(limit >> 20) MiB)")
        }
        return bytes
    }
}

/// A certificate or key that cannot be used. Never says what is in a key's file.
package struct TransportSecurityError: Error, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
