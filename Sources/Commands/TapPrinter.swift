internal import Diagnosis
private import Synchronization

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

    init(format: Format, start: StreamStart, nodeRank: Int?, count: Int?) {
        self.format = format
        self.start = start
        self.nodeRank = nodeRank
        left = Mutex(count ?? .max)
    }

    func start(of lane: Lane) -> StreamStart? { start }

    /// Printing is waited for, so there is always room.
    func room(in lane: Lane) -> Int { .max }

    /// Prints a delivery; answers whether more is wanted.
    func receive(_ items: [StreamItem]) -> Bool {
        var text: [UInt8] = []
        let isMoreWanted = left.withLock { left in
            for item in items {
                switch item {
                case .start: break
                case .gap(let gap):
                    StandardError.say("-- \(gap.count) \(gap.lane.dataType) are gone: \(gap.reason.rawValue)")
                case .batch(let batch) where nodeRank.map({ $0 == batch.nodeRank }) ?? true:
                    let shown = batch.prefix(min(left, batch.count))
                    for entry in shown.entries { append(entry, of: shown, to: &text) }
                    left -= shown.count
                case .batch: break
                }
            }
            return left > 0
        }
        do {
            return try StandardOutput.write(text) && isMoreWanted
        } catch {
            StandardError.say("Error: \(error)")
            return false
        }
    }

    private func append(_ entry: EnvelopeBatch.Entry, of batch: EnvelopeBatch, to text: inout [UInt8]) {
        let body = batch.body(of: entry)
        switch format {
        case .json: TapLine.appendJSON(body, to: &text)
        case .readable: TapLine.appendReadable(entry, of: batch, to: &text)
        }
    }
}
