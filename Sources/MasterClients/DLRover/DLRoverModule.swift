/// The Python module that a DLRover keeps its message classes in; pickles name it.
enum DLRoverModule: String, CaseIterable, Sendable {
    /// Since 0.5.0.
    case comm = "dlrover.python.common.comm"
    /// Up to 0.4.x.
    case grpc = "dlrover.python.common.grpc"

    var other: DLRoverModule { self == .comm ? .grpc : .comm }
}
