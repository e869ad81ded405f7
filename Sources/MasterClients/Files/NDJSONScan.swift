import Diagnosis
import SystemSupport

/// What a file of metrics already holds, found by reading it through once in pieces.
struct NDJSONScan {
    /// The longest line that is looked at, and the longest that is written.
    static let longestLine = 16 * 1024 * 1024
    private static let pieceBytes = 256 * 1024

    /// The last envelope of each lane.
    private(set) var positions: [Lane: LanePosition] = [:]
    /// Where the last whole line ends; what follows was torn off.
    private(set) var end = 0

    private var line: [UInt8] = []
    private var isTooLong = false

    init(_ descriptor: CInt, _ fileSystem: FileSystem) throws(SystemCallError) {
        var piece = [UInt8](repeating: 0, count: Self.pieceBytes)
        var offset = 0
        while true {
            let count = try fileSystem.read(descriptor, at: offset, into: &piece)
            if count == 0 { return }
            scan(piece[..<count], at: offset)
            offset += count
        }
    }

    private mutating func scan(_ piece: ArraySlice<UInt8>, at offset: Int) {
        var rest = piece
        while let newline = rest.firstIndex(of: 0x0A) {
            if line.isEmpty, !isTooLong {
                recordPosition(of: rest[..<newline])
            } else {
                appendToLine(rest[..<newline])
                if !isTooLong { recordPosition(of: line[...]) }
            }
            line.removeAll(keepingCapacity: true)
            isTooLong = false
            rest = rest[(newline + 1)...]
            end = offset + rest.startIndex
        }
        appendToLine(rest)
    }

    /// Keeps the part of a line that goes on in the next piece.
    private mutating func appendToLine(_ part: ArraySlice<UInt8>) {
        isTooLong = isTooLong || line.count + part.count > Self.longestLine
        if isTooLong { line = [] } else { line.append(contentsOf: part) }
    }

    private mutating func recordPosition(of line: ArraySlice<UInt8>) {
        guard let (lane, position) = NDJSONLine.origin(of: line) else { return }
        positions[lane] = max(position, positions[lane] ?? position)
    }
}
