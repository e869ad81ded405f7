/// What libnats says of a connection that did not come about, in words that say what to do.
enum ConnectProblem {
    /// - Parameter said: libnats's text, which begins with a place in its source: `(conn.c:733): SSL handshake error: …`.
    static func text(_ said: String, isSecure: Bool) -> String {
        let said = withoutPlace(said)
        guard let meaning = meaning(of: said, isSecure: isSecure) else { return said }
        return "\(meaning) (\(said))"
    }

    /// `nil` where the text says enough.
    private static func meaning(of said: String, isSecure: Bool) -> String? {
        switch said {
        // libnats then speaks TLS as the server wishes, and knows the system's authorities alone.
        case _ where !isSecure && (said.contains("SSL") || said.contains("Secure Connection")):
            "the server speaks TLS alone; natss:// is with it"
        case _ where said.contains("hostname mismatch") || said.contains("IP address mismatch"):
            "TLS: the server's certificate is for another name; delivery.tls-server-name says which one it must have"
        case _
        where said.contains("unable to get local issuer") || said.contains("self-signed")
            || said.contains("self signed"):
            "TLS: the server's certificate is of an authority that is not known here; delivery.tls-ca-file names those that are"
        case _ where said.contains("certificate has expired"): "TLS: the server's certificate has expired"
        case _ where said.contains("SSL handshake error"): "TLS: the server's certificate is not accepted"
        case _ where said.contains("Secure Connection not available"):
            "the server does not speak TLS on this port; nats:// is without"
        // With TLS 1.3 a server looks at the certificate after the client's side of the handshake has ended.
        case _ where isSecure && (said.contains("Expected 'PONG', got ''") || said.contains("SSL_")):
            "TLS: the server ended the connection after the handshake: it wants a certificate (delivery.tls-certificate-file), or another one than this"
        default: nil
        }
    }

    private static func withoutPlace(_ said: String) -> String {
        guard said.hasPrefix("("), let end = said.firstIndex(of: ")"), said[..<end].contains(".c:") else { return said }
        return String(said[said.index(after: end)...].drop { $0 == ":" || $0 == " " })
    }
}
