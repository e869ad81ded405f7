/// All envelopes of one publisher and one data type. Sequences count up by one within a lane and epoch, and order is promised there.
public struct Lane: Hashable, Sendable {
    public var publisher: PublisherID
    public var dataType: DiagnosisDataType

    public init(publisher: PublisherID, dataType: DiagnosisDataType) {
        self.publisher = publisher
        self.dataType = dataType
    }
}

extension Lane: CustomStringConvertible {
    public var description: String { "\(dataType)@\(publisher)" }
}
