internal import Diagnosis
private import FoundationEssentials
internal import Logging
internal import MasterClients
internal import SystemSupport
internal import ZMQBridge

/// Tells a console every two seconds that this node is there, and now and then how its masters stand.
struct ConsoleBeats: NodePresence {
    private static let interval: Duration = .seconds(2)
    /// A status costs a question to the publisher, and some kilobytes.
    private static let beatsPerStatus = 4

    let sender: any BeatSender
    let node: NodeIdentity
    let job: String
    let publishers: [PublisherInspection]
    let master: String
    let logger: Logger

    func run() async {
        var problems = ProblemLog()
        var pace = BeatPace(interval: Self.interval, share: NodeShare(of: node, job: job, what: master))
        var generator = SystemRandomNumberGenerator()
        var number = 0
        while !Task.isCancelled {
            var isHeard = true
            let statuses = number % Self.beatsPerStatus == 0 ? await statuses() : []
            do throws(ReportError) {
                try await sender.send(beat(with: statuses))
                if problems.solve() {
                    logger.notice("The console hears from this node again.", metadata: ["master": "\(master)"])
                }
            } catch {
                guard error.code != .closed, !Task.isCancelled else { return }
                isHeard = false
                if problems.shouldReport("beat") {
                    logger.warning(
                        "The console cannot be told that this node is there; trying again.",
                        metadata: ["master": "\(master)", "error": "\(error)"])
                }
            }
            number += 1
            try? await Task.sleep(for: pace.pause(afterSuccess: isHeard, using: &generator))
        }
    }

    private func beat(with statuses: [String]) -> NodeBeat {
        NodeBeat(
            job: job.isEmpty ? nil : job, nodeType: node.type, nodeID: node.id, nodeRank: node.rank,
            host: HostName.current, version: ProductVersion.text, publishers: statuses)
    }

    /// Of a publisher that does not answer there is none.
    private func statuses() async -> [String] {
        var texts: [String] = []
        for publisher in publishers {
            guard let status = try? await publisher.ask(timeout: .seconds(1)),
                let json = try? JSONEncoder().encode(status)
            else { continue }
            texts.append(String(decoding: json, as: UTF8.self))
        }
        return texts
    }
}
