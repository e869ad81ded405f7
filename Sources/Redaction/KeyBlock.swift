internal import FailureDiagnosis

/// Hides private keys, from `-----BEGIN … PRIVATE KEY-----` to `-----END …-----` (RFC 7468), line by line, so that a text keeps its number of lines.
///
/// A key may begin in one text and end in a later one of the same log: `linesLeft` is carried on from one to the next.
struct KeyBlock {
    /// After so many lines without an end a key is over: the longest have about half as many.
    static let mostLines = 256

    private static let begin = Array("-----BEGIN ".utf8)
    private static let name = Array("PRIVATE KEY".utf8)
    private static let end = Array("-----END ".utf8)
    private static let dashes = Array("-----".utf8)

    /// How many lines may still belong to a key that has begun; 0: none has.
    private(set) var linesLeft: Int
    /// How many keys have begun.
    private(set) var count = 0
    let replacement: [UInt8]

    init(linesLeft: Int, replacement: [UInt8]) {
        self.linesLeft = linesLeft
        self.replacement = replacement
    }

    /// Whether a text can have a part of a key.
    func mayHide(in text: UnsafeRawBufferPointer) -> Bool {
        linesLeft > 0 || ByteText.find(Self.name, in: text, ignoresCase: false) != nil
    }

    /// The line without what belongs to a key.
    ///
    /// - Parameter line: without its end.
    mutating func hide(_ line: ArraySlice<UInt8>) -> [UInt8] {
        var (shown, rest) = ([UInt8](), line)
        while true {
            if linesLeft == 0 {
                guard let start = beginning(in: rest) else { return shown + rest }
                shown += rest[..<start.lowerBound]
                rest = rest[start.upperBound...]
                linesLeft = Self.mostLines
                count += 1
            }
            shown += replacement
            guard let end = ending(in: rest) else {
                linesLeft -= 1
                return shown
            }
            linesLeft = 0
            rest = rest[end...]
        }
    }

    private func beginning(in line: ArraySlice<UInt8>) -> Range<Int>? {
        var from = line.startIndex
        while let start = Self.find(Self.begin, in: line[from...]) {
            let label = line[(start + Self.begin.count)...].prefix(64)
            if let key = Self.find(Self.name, in: label) { return start..<(key + Self.name.count) }
            from = start + Self.begin.count
        }
        return nil
    }

    /// The index after the dashes that end a key.
    private func ending(in line: ArraySlice<UInt8>) -> Int? {
        guard let start = Self.find(Self.end, in: line) else { return nil }
        let rest = line[(start + Self.end.count)...]
        return Self.find(Self.dashes, in: rest).map { $0 + Self.dashes.count } ?? line.endIndex
    }

    private static func find(_ text: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        bytes.withUnsafeBytes { ByteText.find(text, in: $0, ignoresCase: false) }.map { bytes.startIndex + $0 }
    }
}
