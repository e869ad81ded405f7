internal import MasterClients

/// An address that can't be listened at.
public struct ListenError: Error, CustomStringConvertible {
    public let address: ListenAddress
    /// The system's words, as "Address already in use".
    public let reason: String

    init(address: ListenAddress, cause: any Error) {
        self.address = address
        reason = ConnectionErrorText.describe(cause)
    }

    public var description: String { "\(address) can't be listened at: \(reason)" }
}
