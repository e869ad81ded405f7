internal import CRevocation
internal import NIOSSL

/// Lists of revoked certificates, and the authorities that they are of: checks all that is to be checked about a peer's certificates, except for
/// their names. From any thread.
///
/// swift-nio-ssl takes no lists, and what it is given as a check replaces its own. So this is the whole of BoringSSL's, with
/// `X509_V_FLAG_CRL_CHECK` and `X509_V_FLAG_CRL_CHECK_ALL`, as in nginx' `ssl_crl`: each certificate of a chain must be in the reach of a list that
/// still holds, and in none.
final class RevocationCheck: Sendable {
    // What it leads to is not changed after it was made, and BoringSSL locks what it keeps in it.
    private nonisolated(unsafe) let check: OpaquePointer
    private let path: String

    /// - Parameter path: of the lists, for what is said about them.
    init(authorities: [UInt8], lists: [UInt8], path: String) throws(TransportSecurityError) {
        var text = Self.emptyText
        let made = authorities.withUnsafeBytes { authorities in
            lists.withUnsafeBytes { lists in
                revocation_check_make(
                    authorities.baseAddress, authorities.count, lists.baseAddress, lists.count, &text)
            }
        }
        guard let made else {
            throw TransportSecurityError("\(path) cannot be used: \(Self.string(text))")
        }
        check = made
        self.path = path
    }

    deinit { revocation_check_free(check) }

    /// When the first of the lists ends, in seconds since 1970.
    var end: Int64 { revocation_check_end(check) }

    /// - Returns: why they are not accepted, as a sentence that begins with "its certificate"; `nil` if they are.
    func problem(of certificates: [NIOSSLCertificate], isClient: Bool) -> String? {
        guard let encoded = try? certificates.map({ try $0.toDERBytes() }), !encoded.isEmpty else {
            return "its certificate cannot be read"
        }
        var text = Self.emptyText
        // One after the other, since the pointers are to hold during the call alone.
        let all = encoded.flatMap { $0 }
        let sizes = encoded.map(\.count)
        let verdict = all.withUnsafeBufferPointer { all in
            var pointers: [UnsafePointer<UInt8>?] = []
            var offset = 0
            for size in sizes {
                pointers.append(all.baseAddress.map { $0 + offset })
                offset += size
            }
            return revocation_check_chain(check, pointers, sizes, sizes.count, isClient ? 1 : 0, &text)
        }
        return sentence(verdict, Self.string(text))
    }

    private func sentence(_ verdict: revocation_verdict, _ name: String) -> String? {
        switch verdict {
        case REVOCATION_GOOD: nil
        case REVOCATION_REVOKED: "its certificate was revoked: the list of its authority in \(path) has it ('\(name)')"
        case REVOCATION_NO_LIST:
            "its certificate is not accepted: \(path) has no list of revoked certificates of '\(name)', which has signed one in its chain; add it (openssl ca -gencrl)"
        case REVOCATION_LIST_ENDED:
            "its certificate is not accepted: the list of '\(name)' in \(path) has ended (nextUpdate); put a new one there (openssl ca -gencrl)"
        case REVOCATION_LIST_NOT_BEGUN:
            "its certificate is not accepted: the list of '\(name)' in \(path) is of the future (lastUpdate); compare the clocks"
        case REVOCATION_LIST_UNUSABLE:
            "its certificate is not accepted: the list of '\(name)' in \(path) is not signed by it, or is one for other certificates"
        case REVOCATION_CERTIFICATE_ENDED: "its certificate is not accepted: it has expired ('\(name)')"
        case REVOCATION_CERTIFICATE_NOT_BEGUN: "its certificate is not accepted: it is not yet valid ('\(name)')"
        case REVOCATION_STRANGER:
            "its certificate is not accepted: no authority that is trusted here has signed it ('\(name)')"
        default: "its certificate is not accepted: \(name)"
        }
    }

    private static var emptyText: [CChar] { Array(repeating: 0, count: Int(REVOCATION_TEXT)) }

    private static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
