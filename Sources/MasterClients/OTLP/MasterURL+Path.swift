extension MasterURL {
    /// Splits the path off that stands behind an HTTP receiver's host and port. A slash at its end counts for nothing.
    static func splitPath(
        _ rest: Substring, in text: String
    ) throws(MasterURLError) -> (authority: Substring, path: String) {
        guard let slash = rest.firstIndex(of: "/") else { return (rest, "") }
        var path = rest[slash...]
        while path.hasSuffix("/") { path = path.dropLast() }
        guard path.utf8.allSatisfy(isPathByte), !path.contains("//") else {
            throw MasterURLError(
                text: text,
                reason: "the path may have letters, digits and any of / - . _ ~ % : @ + , ; = alone, and no query")
        }
        for signal in [OTLPSignal.logs, .metrics] where path.hasSuffix(signal.path) {
            throw MasterURLError(
                text: text, reason: "\(signal.path) is added to the path: leave it out")
        }
        return (rest[..<slash], String(path))
    }

    private static func isPathByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "/-._~%:@+,;=".utf8.contains(byte)
        }
    }
}
