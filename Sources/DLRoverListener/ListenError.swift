/// An address that can't be listened at.
public struct ListenError: Error, CustomStringConvertible {
    public let address: ListenAddress
    public let reason: String

    public var description: String { "\(address) can't be listened at: \(reason)" }
}
