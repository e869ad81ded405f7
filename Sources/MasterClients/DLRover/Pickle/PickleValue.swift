/// What a pickle describes.
indirect enum PickleValue: Hashable, Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
    case bytes([UInt8])
    case list([PickleValue])
    case tuple([PickleValue])
    /// Keys and values in the pickle's order; a key may stand twice.
    case dictionary([Pair])
    case object(PickleObject)

    struct Pair: Hashable, Sendable {
        var key: PickleValue
        var value: PickleValue
    }
}
