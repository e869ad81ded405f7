import Collectors
import Diagnosis
import MasterClients

/// The guide's second way: a single collector, driven by hand, with a master's client.
///
///     swift run SingleCollector /path/to/training.log localhost:50051
@main
struct SingleCollector {
    static func main() async throws {
        let log = CommandLine.arguments.dropFirst().first ?? "training.log"
        let master = CommandLine.arguments.dropFirst(2).first ?? "localhost:50051"

        let client = try MasterURL(master).makeReporter()
        let collector = LogCollector(path: log, node: NodeIdentity(id: 0, type: "worker", rank: 0))
        await collector.setClient(client)

        // A round reads what is there, up to 64 KiB; lines that could not be reported are read again.
        while await collector.isEnabled(), let data = await collector.collectData() {
            guard await collector.storeData(data) else { break }
        }
        await client.close()
    }
}
