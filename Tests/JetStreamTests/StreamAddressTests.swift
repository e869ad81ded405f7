import Testing

@testable import JetStream

@Suite struct StreamAddressTests {
    @Test(arguments: ["arobust", "A-Z_09", "x", String(repeating: "a", count: 255)])
    func `a stream's name is one word of a subject`(_ name: String) {
        #expect(StreamAddress.isValid(stream: name))
    }

    @Test(arguments: ["", "a.b", "a b", "a*", ">", "a/b", "é", "a\u{0}", String(repeating: "a", count: 256)])
    func `others are not taken`(_ name: String) {
        #expect(!StreamAddress.isValid(stream: name))
    }

    @Test(arguments: [
        ("(conn.c:733): SSL handshake error: 62:hostname mismatch:expected=a:cert=/CN=b", "is for another name"),
        ("(conn.c:733): SSL handshake error: 64:IP address mismatch:depth=0", "is for another name"),
        ("(conn.c:733): SSL handshake error: 20:unable to get local issuer certificate", "authority that is not known"),
        ("(conn.c:733): SSL handshake error: 10:certificate has expired:depth=0", "has expired"),
        ("(conn.c:733): SSL handshake error: 7:other", "is not accepted"),
        ("(conn.c:1909): Expected 'PONG', got ''", "it wants a certificate"),
        ("(comsock.c:536): SSL_write error: (null)", "it wants a certificate"),
        ("(conn.c:773): Secure Connection not available", "does not speak TLS on this port"),
    ])
    func `what libnats says of TLS is explained`(_ said: String, _ meaning: String) {
        let text = ConnectProblem.text(said, isSecure: true)
        #expect(text.contains(meaning), "\(text)")
        #expect(!text.contains(".c:"))
    }

    @Test func `other texts stay as they are`() {
        #expect(ConnectProblem.text("Authorization Violation", isSecure: false) == "Authorization Violation")
        #expect(ConnectProblem.text("(conn.c:1) (x)", isSecure: false) == "(x)")
        #expect(ConnectProblem.text("", isSecure: true) == "")
        #expect(ConnectProblem.text("(", isSecure: false) == "(")
        #expect(ConnectProblem.text("(conn.c:1): Secure Connection required", isSecure: false).contains("natss://"))
    }
}
