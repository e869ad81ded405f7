package import Diagnosis

/// A node's share of time of which a master takes one sample of a data type.
///
/// It begins at a multiple of its length: DLRover's hang detector compares how many samples the nodes have, not their times, so all nodes
/// must be on one grid.
package struct SampleSlot: Hashable, Sendable {
    package var dataType: DiagnosisDataType
    package var nodeType: String
    package var nodeRank: Int
    /// Seconds since 1970.
    package var start: Int64

    package init(dataType: DiagnosisDataType, nodeType: String, nodeRank: Int, start: Int64) {
        self.dataType = dataType
        self.nodeType = nodeType
        self.nodeRank = nodeRank
        self.start = start
    }

    /// The slot of an envelope of the batch.
    init(of entry: EnvelopeBatch.Entry, in batch: EnvelopeBatch, length: Duration) {
        let seconds = max(1, length.components.seconds)
        let rest = entry.collectionTime % seconds
        // Anybody may have written the time: one at the end of its range has a slot that begins there.
        let (start, isBeyond) = entry.collectionTime.subtractingReportingOverflow(rest < 0 ? rest + seconds : rest)
        self.init(
            dataType: batch.lane.dataType, nodeType: batch.nodeType, nodeRank: batch.nodeRank,
            start: isBeyond ? .min : start)
    }
}
