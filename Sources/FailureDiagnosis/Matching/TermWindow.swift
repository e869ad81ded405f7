/// Chooses by which part of a text it is searched for.
enum TermWindow {
    /// Where in `bytes` the run of `positions` pieces begins whose pieces are met least in other text.
    static func rarest(in bytes: [UInt8], positions: Int) -> Int {
        let pieces = bytes.count - TermScanner.pieceBytes + 1
        guard pieces > positions else { return 0 }
        let costs = (0..<pieces).map { offset in
            bytes[offset..<(offset + TermScanner.pieceBytes)].reduce(1.0) { $0 * frequency(of: $1) }
        }
        let starts = 0...(pieces - positions)
        return starts.min { cost(costs, $0, positions) < cost(costs, $1, positions) } ?? 0
    }

    private static func cost(_ costs: [Double], _ start: Int, _ positions: Int) -> Double {
        costs[start..<(start + positions)].reduce(0, +)
    }

    /// Roughly how often a byte is met in a training's log; the search takes no account of case.
    private static func frequency(of byte: UInt8) -> Double {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: " "): 7
        default: "etaoinsrl".utf8.contains(byte | 0x20) ? 5 : "cdpmugfhb.:-_".utf8.contains(byte | 0x20) ? 3 : 1
        }
    }
}
