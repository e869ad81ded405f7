/// The rule for the words that a bus topic is made of: data types and node types.
public enum TopicWord {
    /// What a valid word is, for error texts.
    public static let rule = "1 to 64 of the characters A-Z a-z 0-9 _ . -"

    /// Whether `word` keeps `rule`. Anything else could be taken for the topic's `/` or for a control message's `$`.
    public static func isValid(_ word: String) -> Bool {
        let bytes = word.utf8
        return (1...64).contains(bytes.count) && bytes.allSatisfy(isValid(byte:))
    }

    private static func isValid(byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default:
            false
        }
    }
}
