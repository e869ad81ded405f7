/// How segment files are called.
enum SegmentName {
    static let suffix = ".seg"
    static let corruptSuffix = ".corrupt"
    static let leftoverSuffix = ".leftover"
    private static let digits = 20

    static func of(_ number: UInt64) -> String {
        let text = String(number)
        return String(repeating: "0", count: digits - text.count) + text + suffix
    }

    /// The number of a segment, whether in use or set aside.
    static func number(of name: String) -> UInt64? {
        guard name.utf8.count >= digits else { return nil }
        return UInt64(name.prefix(digits))
    }

    static func isInUse(_ name: String) -> Bool {
        number(of: name).map { of($0) == name } ?? false
    }

    static func isCorrupt(_ name: String) -> Bool {
        number(of: name).map { of($0) + corruptSuffix == name } ?? false
    }
}

/// What a lane may be called, so that it can be a directory's name.
enum LaneName {
    static func isValid(_ name: String) -> Bool {
        1...64 ~= name.utf8.count && name != "." && name != ".."
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
