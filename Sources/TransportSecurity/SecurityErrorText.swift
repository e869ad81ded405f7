internal import NIOSSL

/// What to tell an operator about a connection that TLS did not let come about.
package enum SecurityErrorText {
    /// What BoringSSL's words for a failure mean; the first that is found counts.
    private static let meanings = [
        ("WRONG_VERSION_NUMBER", "it does not speak TLS on this port"),
        ("HTTP_REQUEST", "it does not speak TLS on this port"),
        ("ALERT_CERTIFICATE_REQUIRED", "it wants a certificate of this node, which has none"),
        ("ALERT_UNKNOWN_CA", "it does not accept this node's certificate: it does not know the authority"),
        ("ALERT_CERTIFICATE_EXPIRED", "it does not accept this node's certificate: it has expired"),
        ("ALERT_CERTIFICATE_REVOKED", "it does not accept this node's certificate: it was revoked"),
        ("ALERT_BAD_CERTIFICATE", "it does not accept this node's certificate"),
        ("ALERT_CERTIFICATE_UNKNOWN", "it does not accept this node's certificate"),
        ("ALERT_ACCESS_DENIED", "it does not let this node in"),
        (
            "CERTIFICATE_VERIFY_FAILED",
            "its certificate is not accepted: it has expired, or is not yet valid, or no authority that is trusted here has signed it"
        ),
        ("KEY_VALUES_MISMATCH", "the key does not belong to the certificate"),
        ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "it has shown no certificate"),
        ("NO_APPLICATION_PROTOCOL", "it does not speak the protocol that is wanted (ALPN)"),
        ("ALERT_HANDSHAKE_FAILURE", "it refused the handshake"),
    ]

    /// - Returns: `nil` if the error is none of TLS.
    package static func describe(_ error: any Error) -> String? {
        switch error {
        case let error as TransportSecurityError: return error.description
        case NIOSSLError.uncleanShutdown: return "the connection was cut"
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            return "its certificate is for another name than the one it was called by"
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            let text = "\(error)"
            return meanings.first { text.contains($0.0) }.map { "TLS: \($0.1)" } ?? "TLS: \(text.prefix(300))"
        default: return nil
        }
    }
}
