private import Glibc

/// Finds many texts in one pass over bytes.
///
/// A text of n bytes contains n - 3 pieces of four bytes. If only every s-th position is examined, with s at most n - 3 for the shortest text,
/// one piece of each occurrence is still hit. So a position costs one load, one hash and one lookup in a small bit table, positions don't
/// depend on each other, and most bytes are never examined. The texts themselves are compared only where the bit is set.
/// The hash ignores case (bit 5), so that case-sensitive and other texts share the pass. Texts shorter than four bytes are searched for one by one.
package struct TermScanner: Sendable {
    /// A text, and whether case is ignored.
    package struct Term: Hashable, Sendable {
        package var bytes: [UInt8]
        package var ignoresCase: Bool

        package init(bytes: [UInt8], ignoresCase: Bool) {
            self.bytes = bytes
            self.ignoresCase = ignoresCase
        }
    }

    private struct Piece: Sendable {
        var hash: UInt32
        /// The text's first and last four bytes, and which of their bits count. Most pieces that are met stand in other words, and fail here.
        var first: (bits: UInt32, mask: UInt32)
        var last: (bits: UInt32, mask: UInt32)
        var term: UInt16
        /// Where in the text the piece is.
        var offset: UInt16
        /// How long the text is.
        var length: Int32

        init(of term: Int, _ text: Term, offset: Int) {
            hash = TermScanner.hash(of: text.bytes, at: offset)
            first = TermScanner.wanted(text, at: 0)
            last = TermScanner.wanted(text, at: text.bytes.count - pieceBytes)
            self.term = UInt16(term)
            self.offset = UInt16(offset)
            length = Int32(text.bytes.count)
        }
    }

    static let pieceBytes = 4
    /// The bit table has 2 to the power of this many bits: 32 KiB, which the processor's first cache holds. With fewer, chance collisions
    /// stop the search.
    private static let hashBits = 18
    /// A hash's upper byte.
    private static let firstShift = UInt32(hashBits - 8)
    /// With a longer one, every text must be found by more of its pieces, and common ones (`loss`) stop the search in every line.
    static let longestStride = 4

    let terms: [Term]
    /// How far apart the examined positions are.
    let stride: Int
    private let bits: [UInt64]
    /// By the hash's upper byte: where its pieces start in `pieces`, which are sorted by hash.
    private let firstPiece: [UInt16]
    private let pieces: [Piece]
    private let shortTerms: [Int]

    package init(_ terms: [Term]) {
        self.terms = terms
        let long = terms.indices.filter { terms[$0].bytes.count >= Self.pieceBytes }
        shortTerms = terms.indices.filter { terms[$0].bytes.count < Self.pieceBytes && !terms[$0].bytes.isEmpty }
        let shortest = long.map { terms[$0].bytes.count }.min() ?? Self.longestStride + Self.pieceBytes
        let stride = min(Self.longestStride, shortest - Self.pieceBytes + 1)
        self.stride = stride
        var bits = [UInt64](repeating: 0, count: (1 << Self.hashBits) / 64)
        var pieces: [Piece] = []
        for term in long {
            let window = TermWindow.rarest(in: terms[term].bytes, positions: stride)
            for offset in window..<(window + stride) {
                let piece = Piece(of: term, terms[term], offset: offset)
                bits[Int(piece.hash >> 6)] |= 1 << UInt64(piece.hash & 63)
                pieces.append(piece)
            }
        }
        pieces.sort { ($0.hash, $0.term, $0.offset) < ($1.hash, $1.term, $1.offset) }
        var firstPiece = [UInt16](repeating: 0, count: 257)
        for piece in pieces { firstPiece[Int(piece.hash >> Self.firstShift) + 1] += 1 }
        for index in 1..<firstPiece.count { firstPiece[index] += firstPiece[index - 1] }
        self.bits = bits
        self.pieces = pieces
        self.firstPiece = firstPiece
    }

    /// Calls `body` with the occurrences of all texts, in no particular order. `body` returns where to continue, beyond the occurrence, or
    /// `nil` to continue right there.
    ///
    /// Several occurrences of a text may lead to a single call.
    package func scan(_ bytes: UnsafeRawBufferPointer, _ body: (_ term: Int, _ position: Int) -> Int?) {
        pieces.withUnsafeBufferPointer { pieces in
            bits.withUnsafeBufferPointer { bits in
                var position = 0
                while let candidate = nextCandidate(in: bytes, from: position, bits: bits) {
                    position = candidate + stride
                    if let next = visit(bytes, at: candidate, pieces, body) { position = max(next, candidate + 1) }
                }
            }
        }
        for term in shortTerms { scanShort(term, in: bytes, body) }
    }

    /// The next examined position whose piece may belong to a text.
    private func nextCandidate(
        in bytes: UnsafeRawBufferPointer, from start: Int, bits: UnsafeBufferPointer<UInt64>
    ) -> Int? {
        guard let base = bytes.baseAddress, let bits = bits.baseAddress else { return nil }
        let stride = self.stride
        let last = bytes.count - Self.pieceBytes
        var position = start
        // The usual distance, known to the compiler. A branch each is faster than to combine the bits: hardly one is taken.
        let usual = Self.longestStride
        if stride == usual {
            while position + 3 * usual <= last {
                let at = base + position
                if Self.isSet(at, bits) { return position }
                if Self.isSet(at + usual, bits) { return position + usual }
                if Self.isSet(at + 2 * usual, bits) { return position + 2 * usual }
                if Self.isSet(at + 3 * usual, bits) { return position + 3 * usual }
                position &+= 4 * usual
            }
        }
        while position <= last {
            if Self.isSet(base + position, bits) { return position }
            position += stride
        }
        return nil
    }

    private func visit(
        _ bytes: UnsafeRawBufferPointer, at position: Int, _ pieces: UnsafeBufferPointer<Piece>,
        _ body: (_ term: Int, _ position: Int) -> Int?
    ) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let hash = Self.hash((base + position).loadUnaligned(as: UInt32.self))
        let group = Int(hash >> Self.firstShift)
        for index in Int(firstPiece[group])..<Int(firstPiece[group + 1]) where pieces[index].hash == hash {
            let start = position - Int(pieces[index].offset)
            let length = Int(pieces[index].length)
            guard start >= 0, start + length <= bytes.count,
                Self.matches(base + start, pieces[index].first),
                Self.matches(base + (start + length - Self.pieceBytes), pieces[index].last)
            else { continue }
            let term = Int(pieces[index].term)
            guard isTerm(term, in: bytes, at: start) else { continue }
            if let next = body(term, start) { return next }
        }
        return nil
    }

    private func isTerm(_ term: Int, in bytes: UnsafeRawBufferPointer, at start: Int) -> Bool {
        let text = terms[term]
        guard start + text.bytes.count <= bytes.count else { return false }
        return ByteText.matches(text.bytes, bytes, at: start, ignoresCase: text.ignoresCase)
    }

    private func scanShort(
        _ term: Int, in bytes: UnsafeRawBufferPointer, _ body: (_ term: Int, _ position: Int) -> Int?
    ) {
        var position = 0
        while let found = ByteText.find(
            terms[term].bytes, in: UnsafeRawBufferPointer(rebasing: bytes[position...]),
            ignoresCase: terms[term].ignoresCase)
        {
            position = body(term, position + found) ?? (position + found + 1)
            guard position < bytes.count else { return }
        }
    }

    @inline(__always)
    private static func isSet(_ at: UnsafeRawPointer, _ bits: UnsafePointer<UInt64>) -> Bool {
        let hash = hash(at.loadUnaligned(as: UInt32.self))
        return bits[Int(hash >> 6)] & (1 << UInt64(hash & 63)) != 0
    }

    @inline(__always)
    private static func hash(_ piece: UInt32) -> UInt32 {
        ((piece | 0x2020_2020) &* 0x9E37_79B1) >> UInt32(32 - hashBits)
    }

    @inline(__always)
    private static func matches(_ at: UnsafeRawPointer, _ wanted: (bits: UInt32, mask: UInt32)) -> Bool {
        at.loadUnaligned(as: UInt32.self) & wanted.mask == wanted.bits
    }

    /// Four bytes of a text as they are compared; of a letter whose case is ignored, all bits but the one of the case.
    private static func wanted(_ text: Term, at offset: Int) -> (bits: UInt32, mask: UInt32) {
        let mask = text.bytes.map { text.ignoresCase && ($0 | 0x20) &- 0x61 < 26 ? ~0x20 : 0xFF as UInt8 }
        let load = { (bytes: [UInt8]) in
            bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
        }
        return (load(text.bytes) & load(mask), load(mask))
    }

    private static func hash(of bytes: [UInt8], at offset: Int) -> UInt32 {
        bytes.withUnsafeBytes { hash($0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
    }
}

/// Chooses the part of a text by which it is searched for.
enum TermWindow {
    /// Where in `bytes` the run of `positions` pieces starts that are rarest in other text.
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

    /// Roughly how often a byte occurs in a training's log, ignoring case.
    private static func frequency(of byte: UInt8) -> Double {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: " "): 7
        default: "etaoinsrl".utf8.contains(byte | 0x20) ? 5 : "cdpmugfhb.:-_".utf8.contains(byte | 0x20) ? 3 : 1
        }
    }
}
