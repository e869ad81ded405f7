private import CZeroMQ

/// One half of a CURVE key pair as people write it: 40 characters of Z85 (rfc.zeromq.org/spec/32) for 32 bytes.
public struct CurveKey: Hashable, Sendable {
    /// In characters.
    public static let length = 40

    /// As it is written.
    public let text: String
    /// The 32 bytes that it stands for.
    let bytes: [UInt8]

    /// - Returns: `nil` if the text is no key.
    public init?(_ text: String) {
        guard text.utf8.count == Self.length else { return nil }
        var bytes = [UInt8](repeating: 0, count: 32)
        guard zmq_z85_decode(&bytes, text) != nil else { return nil }
        self.text = text
        self.bytes = bytes
    }

    /// - Parameter bytes: 32 of them; `nil` for another number.
    init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        var text = [CChar](repeating: 0, count: Self.length + 1)
        guard zmq_z85_encode(&text, bytes, bytes.count) != nil else { return nil }
        self.text = String(decoding: text.prefix(Self.length).map(UInt8.init(bitPattern:)), as: UTF8.self)
        self.bytes = bytes
    }

    /// So much of a public key as tells it from others in a log.
    var beginning: String { text.prefix(8) + "…" }

    /// What the failing initialiser takes, to follow "must be".
    public static let rule = "a public key, \(length) characters of Z85, as arobust keys new prints it"
}

/// A key pair: who has the secret half can prove that the public one is theirs.
public struct CurveKeyPair: Hashable, Sendable {
    /// What others know it by.
    public let publicKey: CurveKey
    /// Never shown, logged or sent.
    let secretKey: CurveKey

    /// - Returns: `nil` if the halves don't belong together.
    init?(publicKey: CurveKey, secretKey: CurveKey) {
        guard Self.publicKey(of: secretKey) == publicKey else { return nil }
        self.publicKey = publicKey
        self.secretKey = secretKey
    }

    /// Makes a new one.
    ///
    /// - Throws: `CurveError` where libzmq was built without CURVE.
    public init() throws(CurveError) {
        try Self.checkSupport()
        // Both texts have 40 characters and a closing zero.
        var (first, second) = ([CChar](repeating: 0, count: 41), [CChar](repeating: 0, count: 41))
        guard zmq_curve_keypair(&first, &second) == 0, let publicKey = Self.key(first), let secretKey = Self.key(second)
        else { throw CurveError("libzmq could not make a key pair: \(ZMQError(call: "zmq_curve_keypair"))") }
        self.publicKey = publicKey
        self.secretKey = secretKey
    }

    /// - Throws: `CurveError` where libzmq was built without CURVE.
    static func checkSupport() throws(CurveError) {
        guard zmq_has("curve") != 0 else {
            throw CurveError(
                "this libzmq was built without CURVE (libsodium), so the bus can't be used over the network")
        }
    }

    private static func publicKey(of secret: CurveKey) -> CurveKey? {
        var text = [CChar](repeating: 0, count: 41)
        guard zmq_curve_public(&text, secret.text) == 0 else { return nil }
        return key(text)
    }

    private static func key(_ text: [CChar]) -> CurveKey? {
        CurveKey(String(decoding: text.prefix(CurveKey.length).map(UInt8.init(bitPattern:)), as: UTF8.self))
    }
}

/// Keys for the bus over the network can't be used. Never says what a secret key is.
public struct CurveError: Error, Hashable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
