package import Diagnosis
internal import SystemSupport

/// Bounds what a log may send in a second. Beyond that, of a block of lines it keeps the failures (the first of each kind), the first lines of
/// each other kind, and the newest; marks in the text say what was left out.
///
/// Failures have an allowance of their own, as large again; so what is kept is at most twice the rate and the burst, and a mark for each block.
/// Memory: about 25 bytes for each line of the block, and what `templates` remembers.
package struct LineShedder: Sendable {
    package struct Limits: Sendable, Hashable {
        package var bytesPerSecond: Int
        package var burst: Int
        /// How many kinds of lines are remembered.
        package var templates = 4096

        package init(bytesPerSecond: Int, burst: Int = 1 << 20) {
            self.bytesPerSecond = max(1, bytesPerSecond)
            self.burst = max(1, burst)
        }
    }

    /// What the mark beside a kept line may take.
    static let markBytes = 96
    /// The last line of a block is kept in any case, unless it is longer, in bytes.
    private static let longestNewest = 1024
    private var allowance: TokenBucket
    private var failureAllowance: TokenBucket
    private var seen: TemplateSet
    private var failures: TemplateSet

    package init(_ limits: Limits) {
        let burst = Duration.seconds(Double(limits.burst) / Double(limits.bytesPerSecond))
        allowance = TokenBucket(perSecond: limits.bytesPerSecond, burst: burst)
        failureAllowance = allowance
        seen = TemplateSet(capacity: limits.templates)
        failures = TemplateSet(capacity: limits.templates)
    }

    /// Whether so many bytes may be sent without a look at their lines; if so, they are counted.
    mutating func passes(_ byteCount: Int, now: ContinuousClock.Instant) -> Bool {
        guard byteCount <= allowance.available(now: now) else { return false }
        allowance.spend(byteCount, now: now)
        return true
    }

    /// - Parameters:
    ///   - lines: whole lines; the last may lack its `\n`.
    ///   - judged: what a `LogObserver` says about them.
    ///   - wallClock: the time of reading in seconds, for a mark at lines that hold no time of their own.
    package mutating func shed(
        _ lines: UnsafeRawBufferPointer, judged: [JudgedLine], now: ContinuousClock.Instant, wallClock: Int64
    ) -> ShedBlock {
        let tokens = allowance.available(now: now)
        guard !passes(lines.count, now: now) else {
            return ShedBlock(pieces: lines.isEmpty ? [] : [.kept(0..<lines.count)], wallClock: wallClock)
        }
        var block = SplitBlock(lines)
        keepFailures(judged, in: &block, now: now)
        var rest = tokens
        var forFirst = tokens / 2
        for index in block.lines.indices {
            let isNew = seen.insert(block.lines[index].template)
            let cost = block.cost(index)
            guard isNew, !block.lines[index].isKept, cost <= forFirst else { continue }
            block.lines[index].isKept = true
            forFirst -= cost
            rest -= cost
        }
        for index in block.lines.indices.reversed() where !block.lines[index].isKept {
            let cost = block.cost(index)
            guard cost <= rest else { break }
            block.lines[index].isKept = true
            rest -= cost
        }
        // How far the log has come is always told; a debt is paid later.
        if let last = block.lines.indices.last, !block.lines[last].isKept,
            block.lines[last].range.count <= Self.longestNewest
        {
            block.lines[last].isKept = true
            rest -= block.cost(last)
        }
        allowance.spend(tokens - rest + Self.markBytes, now: now)
        return ShedBlock(pieces: block.pieces(), wallClock: wallClock)
    }

    private mutating func keepFailures(
        _ judged: [JudgedLine], in block: inout SplitBlock, now: ContinuousClock.Instant
    ) {
        var rest = failureAllowance.available(now: now)
        let start = rest
        var index = 0
        for judged in judged where judged.weight != .none {
            while index + 1 < block.lines.count, block.lines[index].range.upperBound <= judged.line.lowerBound {
                index += 1
            }
            guard index < block.lines.count, !block.lines[index].isKept else { continue }
            let cost = block.cost(index)
            guard cost <= rest, failures.insert(block.lines[index].template) else { continue }
            block.lines[index].isKept = true
            rest -= cost
        }
        failureAllowance.spend(start - rest, now: now)
    }
}

/// A block, cut into lines.
private struct SplitBlock {
    struct Line {
        var range: Range<Int>
        var template: UInt64
        var isKept = false
    }

    var lines: [Line] = []

    init(_ bytes: UnsafeRawBufferPointer) {
        var start = 0
        while start < bytes.count {
            let end = LineBytes.end(from: start, in: bytes) ?? bytes.count
            let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            lines.append(Line(range: start..<end, template: LineTemplate.hash(line)))
            start = end
        }
    }

    func cost(_ index: Int) -> Int { lines[index].range.count + LineShedder.markBytes }

    func pieces() -> [ShedBlock.Piece] {
        var pieces: [ShedBlock.Piece] = []
        var index = 0
        var before: UInt64?
        while index < lines.count {
            let first = index
            let isKept = lines[index].isKept
            var isRepeated = !isKept
            while index < lines.count, lines[index].isKept == isKept {
                isRepeated = isRepeated && lines[index].template == before
                index += 1
            }
            let range = lines[first].range.lowerBound..<lines[index - 1].range.upperBound
            if isKept {
                before = lines[index - 1].template
                pieces.append(.kept(range))
            } else {
                let gap = ShedBlock.Gap(
                    bytes: range, lineCount: index - first, first: lines[first].range, last: lines[index - 1].range)
                pieces.append(isRepeated ? .repeated(gap) : .leftOut(gap))
            }
        }
        return pieces
    }
}
