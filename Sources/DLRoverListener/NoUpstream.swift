internal import GRPCCore

/// Stands for the master where none is set.
struct NoUpstream: Upstream {
    func call(_ method: MasterMethod, _ message: [UInt8], metadata: Metadata) async throws -> [UInt8] {
        throw RPCError(
            code: .unimplemented,
            message: """
                arobust takes report_diagnosis_agent_metrics and passes all other calls to the first DLRover master, of which \
                none is set: give it one with --master dlrover+grpc://host:port
                """)
    }

    func run() async {}
}
