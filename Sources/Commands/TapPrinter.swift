internal import Diagnosis
internal import Inspection
private import Synchronization
internal import SystemSupport

/// Prints what a tap receives to standard output, a delivery at a time.
final class TapPrinter: EnvelopeReceiver {
    enum Format {
        case json
        case readable
    }

    private let format: Format
    private let start: StreamStart
    private let nodeRank: Int?
    private let left: Mutex<Int>
    private let failure = Mutex<SystemCallError?>(nil)
    private let write: @Sendable ([UInt8]) throws(SystemCallError) -> Bool
    private let say: @Sendable (String) -> Void

    /// - Parameters:
    ///   - nodeRank: prints only what is of this node.
    ///   - count: how many metrics to print at most.
    ///   - write: takes the output of a delivery; answers whether anybody still reads it.
    ///   - say: takes a line for people.
    init(
        format: Format, start: StreamStart, nodeRank: Int?, count: Int?,
        write: @escaping @Sendable ([UInt8]) throws(SystemCallError) -> Bool = { try StandardOutput.write(json: $0) },
        say: @escaping @Sendable (String) -> Void = { StandardError.say($0) }
    ) {
        self.write = write
        self.say = say
        self.format = format
        self.start = start
        self.nodeRank = nodeRank
        left = Mutex(count ?? .max)
    }

    func start(of lane: Lane) -> StreamStart? { start }

    /// Printing is waited for, so there is always room.
    func room(in lane: Lane) -> Int { .max }

    /// Prints a delivery, and says which envelopes are gone; answers whether more is wanted.
    func receive(_ items: [StreamItem]) -> Bool {
        var text: [UInt8] = []
        let isMoreWanted = left.withLock { left in
            for item in items {
                switch item {
                case .start: break
                case .gap(let gap):
                    say("-- \(gap.count) \(gap.lane.dataType) are gone: \(gap.reason.rawValue)")
                case .batch(let batch) where nodeRank.map({ $0 == batch.nodeRank }) ?? true:
                    let shown = batch.prefix(min(left, batch.count))
                    for entry in shown.entries { append(entry, of: shown, to: &text) }
                    left -= shown.count
                case .batch: break
                }
            }
            return left > 0
        }
        do throws(SystemCallError) {
            return try write(text) && isMoreWanted
        } catch {
            failure.withLock { $0 = error }
            return false
        }
    }

    /// - Throws: why what it was given could not be printed. To be called when the tap has ended.
    func checkPrinted() throws(SystemCallError) {
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    private func append(_ entry: EnvelopeBatch.Entry, of batch: EnvelopeBatch, to text: inout [UInt8]) {
        let body = batch.body(of: entry)
        switch format {
        case .json: TapLine.appendJSON(body, batch.origin(of: entry), to: &text)
        case .readable: TapLine.appendReadable(entry, of: batch, to: &text)
        }
    }
}

/// The lines that a tap prints.
enum TapLine {
    /// How much of a metric's first line is shown, in characters.
    private static let shownLength = 100
    /// The same in Unicode scalars: without a limit, one character could be as long as the content.
    private static let longestHead = 8 * shownLength

    /// The metric as it came, on one line, and where it came from.
    static func appendJSON(_ body: ArraySlice<UInt8>, _ origin: MetricOrigin? = nil, to text: inout [UInt8]) {
        if body.contains(0x0A), let checked = try? MetricBody(checking: body) {
            var json: [UInt8] = []
            MetricJSON.encode(checked.metric, into: &json)
            NDJSONLine.appendWithOrigin(json[...], origin, to: &text)
        } else {
            NDJSONLine.appendWithOrigin(body, origin, to: &text)
        }
        text.append(0x0A)
    }

    /// `2026-11-23T18:00:00Z TRAINING_LOG worker/0 1234 B  first line`
    static func appendReadable(_ entry: EnvelopeBatch.Entry, of batch: EnvelopeBatch, to text: inout [UInt8]) {
        let body = batch.body(of: entry)
        let content = (try? MetricBody(checking: body))?.content ?? "(not a metric's JSON)"
        // Of a content of many MiB only the head is looked at: finding characters in all of it would take seconds.
        let head = Substring(content.unicodeScalars.prefix(longestHead)).prefix(shownLength).prefix { !$0.isNewline }
        let shown = TerminalText.line(String(head))
        let more = head.utf8.count < content.utf8.count ? " …" : ""
        let columns = [
            TimeText.write(entry.collectionTime), pad(TerminalText.line(batch.lane.dataType.rawValue), to: 16),
            pad(TerminalText.line("\(batch.nodeType)/\(batch.nodeRank)"), to: 9), pad("\(content.utf8.count) B", to: 9),
            shown + more,
        ]
        text += columns.joined(separator: "  ").utf8
        text.append(0x0A)
    }

    private static func pad(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
