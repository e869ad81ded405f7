import Diagnosis

/// What a DLRover master is sent: one metric, or several joined into one. Nothing else can be sent.
///
/// It is made of checked bodies alone, so that what a master does not survive can be kept out in one place, here.
struct DLRoverReport: Sendable {
    /// The metric's JSON, DLRover's `data_content`.
    let json: ArraySlice<UInt8>
    let node: NodeIdentity
    /// How many envelopes it carries.
    let count: Int

    /// A report of one metric, its JSON as it came.
    init(_ body: MetricBody) {
        self.init(json: body.json, node: body.node, count: 1)
    }

    /// A report of metrics whose contents are joined line by line; everything else is the first one's.
    ///
    /// - Precondition: there is at least one body.
    init(joining bodies: ArraySlice<MetricBody>) {
        precondition(!bodies.isEmpty, "a report needs a metric")
        let first = bodies[bodies.startIndex]
        guard bodies.count > 1 else {
            self.init(first)
            return
        }
        var joined: [UInt8] = []
        MetricJSON.encodeJoined(bodies, into: &joined)
        self.init(json: joined[...], node: first.node, count: bodies.count)
    }

    private init(json: ArraySlice<UInt8>, node: NodeIdentity, count: Int) {
        self.json = json
        self.node = node
        self.count = count
    }

    /// The length of the pickle.
    func pickleSize(_ module: DLRoverModule) -> Int {
        PickleWriter.reportSize(module, jsonBytes: json.count, nodeRank: node.rank)
    }

    /// The length of the `elastic.Message` around the pickle: what a master's limit is about.
    func messageSize(_ module: DLRoverModule) -> Int {
        ElasticMessage.size(nodeID: node.id, nodeType: node.type, dataBytes: pickleSize(module))
    }
}
