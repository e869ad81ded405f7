internal import GRPCCore

/// The two calls of DLRover's master (`service Master` of `dlrover/proto/elastic_training.proto`, 0.4.0 to 0.6.1).
enum MasterMethod: String, CaseIterable, Sendable {
    case report
    case get

    var descriptor: MethodDescriptor {
        MethodDescriptor(fullyQualifiedService: "elastic.Master", method: rawValue)
    }
}
