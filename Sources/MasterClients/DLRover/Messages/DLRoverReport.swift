import Diagnosis
import NIOCore

/// The diagnosis data that a DLRover master is sent: one metric, or a part of one, or several joined into one.
///
/// It is made of checked metrics alone and always written anew, so that it has exactly the keys that a master takes.
struct DLRoverReport: DLRoverMessage {
    /// The metric's JSON, DLRover's `data_content`.
    let json: [UInt8]
    let node: NodeIdentity
    /// How many envelopes it carries.
    let count: Int

    /// A report of metrics whose contents are joined line by line; everything else is the first one's.
    ///
    /// - Precondition: there is at least one.
    init(joining metrics: ArraySlice<DLRoverMetric>) {
        guard let first = metrics.first else { preconditionFailure("a report needs a metric") }
        self.init(first.head, contents: metrics.map { $0.content }, count: metrics.count)
    }

    /// A report of a metric with one of its contents.
    init(_ metric: DLRoverMetric, content: ArraySlice<UInt8>) {
        self.init(metric.head, contents: [content], count: 1)
    }

    private init(_ head: MetricBody, contents: [ArraySlice<UInt8>], count: Int) {
        var json: [UInt8] = []
        MetricJSON.encode(head: head, contents: contents, into: &json)
        self.json = json
        self.count = count
        node = head.node
    }

    func pickleSize(_ module: DLRoverModule) -> Int {
        PickleWriter.reportSize(module, jsonBytes: json.count, nodeRank: node.rank)
    }

    func appendPickle(_ module: DLRoverModule, to buffer: inout ByteBuffer) {
        PickleWriter.appendReport(module, json: json[...], nodeRank: node.rank, to: &buffer)
    }
}
