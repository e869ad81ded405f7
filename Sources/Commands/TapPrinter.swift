internal import Diagnosis
private import Glibc
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
        return Self.write(text) && isMoreWanted
    }

    private func append(_ entry: EnvelopeBatch.Entry, of batch: EnvelopeBatch, to text: inout [UInt8]) {
        let body = batch.body(of: entry)
        switch format {
        case .json: TapLine.appendJSON(body, to: &text)
        case .readable: TapLine.appendReadable(entry, of: batch, to: &text)
        }
    }

    /// Writes all of it; `false` when nobody reads any more.
    private static func write(_ text: [UInt8]) -> Bool {
        var rest = text[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            switch count < 0 ? errno : 0 {
            case 0: rest = rest.dropFirst(count)
            case EINTR: continue
            case EAGAIN: Readiness.awaitOutput(STDOUT_FILENO)
            default: return false
            }
        }
        return true
    }
}
