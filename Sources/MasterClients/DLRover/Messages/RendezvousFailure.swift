internal import Diagnosis

/// What a DLRover master reads of a failure of level `rdzv_error` (`_report_failure` of `dlrover/python/master/servicer.py`). It raises for
/// anything else.
enum RendezvousFailure {
    static let keys = "rdzv_name, node_rank, err_type, err_message and elapsed_time"
    /// `RendezvousName` of `dlrover/python/common/constants.py`.
    private static let names = ["elastic-training", "network-check"]

    static func isReadable(_ errorData: String) -> Bool {
        guard let fields = JSONValue.object(errorData), case .string(let name)? = fields["rdzv_name"],
            names.contains(name), case .string? = fields["err_type"], case .string? = fields["err_message"]
        else { return false }
        return fields["node_rank"] != nil && fields["elapsed_time"] != nil
    }
}
