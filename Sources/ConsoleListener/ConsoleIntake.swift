package import ConsoleStore
package import Diagnosis
package import MasterClients

/// Keeps what is reported to a console.
package protocol ConsoleIntake: Sendable {
    /// Returns once the envelopes survive a kill and a power cut, each stored once however often it comes.
    ///
    /// - Parameter batches: in the order in which they were reported; those of one lane in the order of their sequences.
    /// - Throws: `ReportError` if they cannot be stored now. Then none of them is, and the sender keeps them.
    func take(_ batches: [EnvelopeBatch], from source: ReportSource) async throws(ReportError) -> ReportReceipt

    /// Notes that a node is there, and how its masters stand.
    func heard(_ beat: NodeBeat, from source: ReportSource) async
}
