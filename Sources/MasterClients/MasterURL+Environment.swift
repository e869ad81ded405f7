extension MasterURL {
    /// The master that DLRover gives its agents: `DLROVER_MASTER_ADDR` (`host:port`), reached as `DLROVER_MASTER_SERVICE_TYPE` says (`grpc`,
    /// the default, or `http`), as `dlrover/python/elastic_agent/master_client.py` reads them.
    ///
    /// - Returns: `nil` if no address is set. An empty variable counts as unset.
    package static func fromEnvironment(_ environment: [String: String]) throws(MasterURLError) -> MasterURL? {
        guard let address = environment["DLROVER_MASTER_ADDR"], !address.isEmpty else { return nil }
        guard !address.contains("/") else {
            throw MasterURLError(text: address, variable: "DLROVER_MASTER_ADDR", reason: "it must be host:port")
        }
        let service = environment["DLROVER_MASTER_SERVICE_TYPE"].flatMap { $0.isEmpty ? nil : $0 } ?? "grpc"
        guard service == "grpc" || service == "http" else {
            throw MasterURLError(
                text: service, variable: "DLROVER_MASTER_SERVICE_TYPE", reason: "it must be grpc or http")
        }
        do throws(MasterURLError) {
            return try MasterURL("dlrover+\(service)://\(address)")
        } catch {
            throw MasterURLError(text: address, variable: "DLROVER_MASTER_ADDR", reason: error.reason)
        }
    }
}
