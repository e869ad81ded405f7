internal import Diagnosis
internal import Glibc
internal import LogText
internal import SystemSupport
internal import Telemetry

@testable internal import Collectors
@testable internal import Commands
@testable internal import Inspection
internal import LogText
@testable internal import MasterClients

/// Pages of metrics, what py-spy and `/proc` say of processes, and metrics as JSON lines.
extension FuzzTarget {
    static let pages = [
        FuzzTarget("metrics-page", metricsPage), FuzzTarget("stacks", stacks), FuzzTarget("ndjson", ndjson),
        FuzzTarget("text", text),
    ]

    private static func metricsPage(_ bytes: [UInt8]) {
        let page = bytes.text
        let kept = XPUTimerFilter.apply(to: page)
        require(kept.utf8.count <= page.utf8.count, "a filter made a page longer")
        require(XPUTimerFilter.apply(to: kept).utf8.count <= kept.utf8.count, "a filter made a page longer")
        _ = PageContent(of: kept)
        for line in page.split(separator: "\n") {
            _ = PrometheusSample(line)
            _ = HangLine.kind(of: line.utf8)
        }
        var metric = WorkerTrainingMetric(
            dataType: .xpuTimerMetric, dataContent: kept, node: NodeIdentity(), timestamp: 1)
        metric.needReport = true
        guard let body = try? MetricBody(checking: MetricJSON.encode(metric)[...]) else {
            return require(false, "our own JSON can't be read")
        }
        for (limit, slim) in [(64, false), (4096, true), (4096, false)] {
            _ = try? XPUSample(page: kept, escaped: body.escapedContent, slim: slim, limit: limit)
        }
    }

    private static func stacks(_ bytes: [UInt8]) {
        if case .success(let threads) = PySpyOutput.threads(bytes) {
            let stack = ProcessStack(pid: 1, command: "c", state: "S", timestamp: 1, content: .python(threads))
            require(StackText.text([stack], maxBytes: 2048).utf8.count <= 2048 + 256, "stacks are longer than allowed")
        }
        var input = FuzzInput(bytes)
        let parts = input.parts(2).map(\.text)
        _ = ProcessStatus(stat: parts[0], status: parts.last ?? "")
        _ = CommandText.redacted(bytes.split(separator: 0).map(\.text))
    }

    /// A line to `publish`: the same in reads of any size; then the metric, as `file:` masters write it and read it back.
    private static func ndjson(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let size = Int(input.byte())
        let text = input.all()
        require(lines(text, readSize: size + 1) == lines(text, readSize: 4096), "in pieces there are other lines")
        let lane = Lane(publisher: PublisherID(high: 1, low: 2), dataType: .generic)
        for line in text.split(separator: 0x0A).prefix(16) {
            _ = NDJSONLine.origin(of: line)
            guard let body = try? MetricBody(checking: line) else { continue }
            var written: [UInt8] = []
            let origin = MetricOrigin(json: #"{"path":"/a","first_offset":1,"end_offset":2}"#.utf8)
            NDJSONLine.append(
                body, origin: origin?.json[...], publisher: lane.publisher, epoch: 3, sequence: 4, to: &written)
            require(written.popLast() == 0x0A && !written.contains(0x0A), "a line is not one line")
            let read = NDJSONLine.origin(of: written[...])
            require(read?.position == LanePosition(epoch: 3, sequence: 4), "a line's position can't be read")
            let json = MetricJSON.encode(body.metric)
            require(
                (try? MetricBody(checking: json[...]))?.metric == body.metric, "a metric is not written as it was read")
            repair(body)
        }
    }

    /// What makes a content fit a DLRover master.
    private static func repair(_ body: MetricBody) {
        let content = SurrogateRepair.repair(body.escapedContent)
        require(JSONString.unescape(content) == body.content, "a repaired content says something else")
        for limit in [16, 1024] { _ = LineSplitter(content, limit: limit) }
    }

    private static func lines(_ text: [UInt8], readSize: Int) -> [InputLines.Line] {
        var pipe: [CInt] = [0, 0]
        guard text.count < 60_000, Glibc.pipe(&pipe) == 0 else { return [] }
        _ = Glibc.write(pipe[1], text, text.count)
        close(pipe[1])
        defer { close(pipe[0]) }
        var reader = InputLines(of: pipe[0], readSize: readSize, longestLine: 512)
        var lines: [InputLines.Line] = []
        while let more = try? reader.next() { lines += more }
        return lines
    }

    /// What others' text becomes before people see it.
    private static func text(_ bytes: [UInt8]) {
        let text = bytes.text
        let line = TerminalText.line(text)
        require(
            !line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F || (0x80...0x9F).contains($0.value) },
            "a control character")
        require(TerminalText.line(line) == line, "a text that is clean is changed")
        _ = TerminalText.lines(text)
        _ = SecretText.hidden(in: text)
        if JSONValue(bytes) != nil {
            require(JSONValue(Array(SecretJSON.hidden(in: text).utf8)) != nil, "without its secrets JSON is none")
        }
        if let url = try? MasterURL(text) {
            require((try? MasterURL("\(url)")) == url, "a URL is not written as it was read")
        }
        _ = JSONValue(bytes)?.text
    }
}
