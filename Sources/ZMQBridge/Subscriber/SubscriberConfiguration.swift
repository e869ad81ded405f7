public import Diagnosis

/// What a subscriber listens to.
public struct SubscriberConfiguration: Sendable, Hashable {
    /// One publisher each. One that isn't there yet is waited for.
    public var endpoints: [BusEndpoint]
    /// The data types to take; empty means all.
    public var dataTypes: Set<DiagnosisDataType>
    /// The name under which the publishers know this consumer; `nil` for one that keeps no cursor.
    public var consumer: String?
    /// In bytes: a larger frame ends the connection to its publisher.
    public var largestFrame: Int = 64 << 20
    /// In bytes: about the most that is handed over at once.
    public var batchBytes: Int = 1 << 20

    /// Reads all data types of the publishers, and keeps no cursor, unless told otherwise.
    public init(endpoints: [BusEndpoint], dataTypes: Set<DiagnosisDataType> = [], consumer: String? = nil) {
        self.endpoints = endpoints
        self.dataTypes = dataTypes
        self.consumer = consumer
    }
}
