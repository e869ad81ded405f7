/// What a publisher said to a request that it could not meet.
public struct ReplayError: Error, Hashable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
