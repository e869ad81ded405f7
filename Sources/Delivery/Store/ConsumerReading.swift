public import Diagnosis

/// What a consumer's store on disk says, read while nobody has it open.
public struct ConsumerReading: Sendable {
    public enum Content: Sendable {
        /// For each publisher.
        case accounts([PublisherID: ConsumerAccount])
        /// It is open in this process: ask that one.
        case inUse(by: String)
        /// It is damaged, or of a newer version. It was left as it is.
        case unreadable(reason: String)
    }

    /// Its name; the file's name if the files don't say it.
    public var consumer: String
    /// The database's file.
    public var path: String
    public var content: Content
}
