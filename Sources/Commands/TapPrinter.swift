internal import Diagnosis
private import Glibc
private import Synchronization
internal import ZMQBridge

/// Prints what a tap receives to standard output, a delivery at a time.
final class TapPrinter: Sendable {
    enum Format {
        case json
        case readable
    }

    private let format: Format
    private let nodeRank: Int?
    private let left: Mutex<Int>

    init(format: Format, nodeRank: Int?, count: Int?) {
        self.format = format
        self.nodeRank = nodeRank
        left = Mutex(count ?? .max)
    }

    /// Prints a delivery; answers whether more is wanted.
    func print(_ delivery: SubscriberDelivery) -> Bool {
        for gap in delivery.gaps {
            StandardError.say("-- \(gap.count) \(gap.lane.dataType) missing: this tap was too slow, or not connected")
        }
        var text: [UInt8] = []
        let isMoreWanted = left.withLock { left in
            for batch in delivery.batches where nodeRank.map({ $0 == batch.nodeRank }) ?? true {
                let shown = batch.prefix(min(left, batch.count))
                for entry in shown.entries { append(entry, of: shown, to: &text) }
                left -= shown.count
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
