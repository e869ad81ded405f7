internal import Diagnosis

/// What the writer knows by heart of the tables. After a transaction that failed all of it is forgotten and read again.
struct StoreCaches {
    struct NodeKey: Hashable {
        var type: String
        var rank: Int
    }

    struct Node {
        var id: Int64
        var received: Int64
        var source: ReportSource
        var lastHeard: Int64
        var lag: Double?
        var rows = 0
        var streams = 0
        var series = 0
    }

    struct RowKey: Hashable {
        var node: Int64
        /// -1: all of the node's.
        var rank: Int
    }

    /// How a rank goes.
    struct Row {
        var id: Int64
        var lastLine: Int64?
        var lines: Int64
        var step: Double?
        var stepSeconds: Double?
        var lastStep: Int64?
        /// When a root cause was seen last.
        var failed: Int64?
    }

    struct StreamKey: Hashable {
        var row: Int64
        var type: String
        var path: String
    }

    struct Lane {
        var id: Int64
        var node: Int64
        var position: LanePosition
        var received: Int64
        var duplicates: Int64
        var missing: Int64
        var lastHeard: Int64
        var lag: Double?
    }

    struct SeriesKey: Hashable {
        var name: String
        var row: Int64
        var labels: String
    }

    struct ActivityKey: Hashable {
        var bucket: Int64
        var row: Int64
    }

    struct Activity {
        var lines: Int64 = 0
        var steps: Int64 = 0
        var seconds = 0.0
        var mark = 0
    }

    var nodes: [NodeKey: Node] = [:]
    var rows: [RowKey: Row] = [:]
    var streams: [StreamKey: Int64] = [:]
    var lanes: [Diagnosis.Lane: Lane] = [:]
    var series: [SeriesKey: Int64] = [:]
    /// The profile that reads a stream's steps, and the step that a row told last in this run: no table has them.
    var profiles: [Int64: Int] = [:]
    var rules: [String: Int64] = [:]
    /// Of which rank the lines of a node's file are.
    var rankOfPath: [StreamKey: Int] = [:]

    // What the transaction has changed and not written yet.
    var activity: [ActivityKey: Activity] = [:]
    var changedNodes: Set<NodeKey> = []
    var changedRows: Set<RowKey> = []
    var changedLanes: Set<Diagnosis.Lane> = []
    var changed: Set<StoreChange.Part> = []

    var nextLine: Int64 = 1
    var lineCount: Int64 = 0
    var span: Int64 = -1
    var spanFirst = Int64.max
    var spanLast = Int64.min
    var spanLines: Int64 = 0
}
