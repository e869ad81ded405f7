internal import Inspection
internal import JetStream
internal import SystemSupport

/// A stream's status as text.
struct StreamStatus {
    let report: StreamReport

    var lines: [String] {
        let copies = report.replicas == 1 ? "on 1 server" : "on \(report.replicas) servers"
        let leader = report.leader.map { ", led by \($0)" } ?? ""
        var lines = [
            "stream \(report.stream) at \(report.servers.joined(separator: ", "))",
            "\(report.messages) messages, \(HumanText.bytes(report.bytes)), \(copies)\(leader)", "",
        ]
        var nodes = TextTable([.text("JOB"), .text("NODE"), .text("TYPE"), .number("MESSAGES")])
        for node in report.nodes {
            for (type, count) in node.messages.sorted(by: { $0.key < $1.key }) {
                nodes.add([node.job, "\(node.type)-\(node.rank)", type, "\(count)"])
            }
        }
        lines += nodes.lines + [""]
        guard !report.readers.isEmpty else { return lines + ["No bridge reads it."] }
        var readers = TextTable([.text("MASTER"), .number("NODES"), .number("WAITING"), .number("UNDER WAY")])
        for each in report.readers {
            readers.add([each.master, "\(each.nodes)", "\(each.waiting)", "\(each.underWay)"])
        }
        return lines + readers.lines
    }
}
