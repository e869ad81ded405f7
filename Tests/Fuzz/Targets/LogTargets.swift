internal import Diagnosis
internal import Glibc
internal import LogText

@testable internal import Collectors

/// The lines of logs on their way to the bus.
extension FuzzTarget {
    static let logs = [
        FuzzTarget("log-text", logText), FuzzTarget("log-lines", logLines), FuzzTarget("log-paths", logPaths),
    ]

    /// What stands around a program's line.
    private static func logText(_ bytes: [UInt8]) {
        bytes.raw { raw in
            require(EscapeSequences.strip(raw).count <= raw.count, "text without escape sequences is longer")
            if let line = ContainerLine(raw) {
                require(line.payload.count <= 3 * raw.count, "a payload is longer than its line")
                require(line.time.isFinite, "a time that is none")
            }
            for keepsMargin in [false, true] {
                require(LinePrefix(raw, keepsMargin: keepsMargin).end <= raw.count, "a prefix ends behind the line")
            }
            let text = ContainerText(raw)
            require(text.bytes.count <= 3 * raw.count + 16, "a container's text is longer than its lines")
            _ = LineTemplate.hash(raw)
        }
        let text = bytes.text
        require(
            EscapeSequences.stripWritten(text).utf8.count <= text.utf8.count, "text without escape sequences is longer")
    }

    /// Lines that come in pieces of any size: what is cut off is, put together, what came; no chunk is larger than allowed.
    private static func logLines(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let (size, chunk, longest) = (Int(input.byte()) + 1, Int(input.byte()) * 8 + 1, Int(input.byte()) * 2 + 4)
        let isContainerFile = input.byte() & 1 == 1
        let text = input.all()
        var cutter = LineCutter(chunkBytes: chunk, maxLineBytes: longest)
        var blocks = EventBlocks(hardLimit: 4 * chunk)
        blocks.isContainerFile = isContainerFile
        var (held, taken): ([UInt8], Int) = ([], 0)
        for piece in text.pieces(of: size) {
            held += piece
            while let count = cut(held, &cutter, chunk: chunk, longest: longest) {
                rewrite(Array(held[..<count]), isContainerFile)
                held.removeFirst(count)
                taken += count
                cutter.reset()
            }
            require(held.count <= max(longest, 1) + size, "\(held.count) bytes are held back")
        }
        require(taken + held.count == text.count, "bytes got lost")
        cutBlocks(text, &blocks, limit: chunk)
        shed(text, chunk)
    }

    private static func cut(_ held: [UInt8], _ cutter: inout LineCutter, chunk: Int, longest: Int) -> Int? {
        switch held.raw({ cutter.cut($0) }) {
        case .incomplete: return nil
        case .piece(let count):
            require(1...longest ~= count, "a piece of \(count) bytes")
            return count
        case .lines(let count, let lines):
            let found = held[..<count].count { $0 == 0x0A }
            require(
                count > 0 && count <= held.count && found == lines && held[count - 1] == 0x0A, "lines that are none")
            require(count <= max(chunk, longest) + 1, "a chunk of \(count) bytes")
            return count
        }
    }

    private static func rewrite(_ lines: [UInt8], _ isContainerFile: Bool) {
        let content = lines.last == 0x0A ? Array(lines.dropLast()) : lines
        let rules = ContentRules(keepsCarriageReturns: lines.count % 2 == 0)
        let written = content.raw {
            LineRewriting(
                $0, lineCount: 1 + content.count { $0 == 0x0A }, isContainerFile: isContainerFile, rules: rules)
        }
        require(written.content.utf8.count <= 3 * content.count + 64, "a text is longer than its lines")
    }

    private static func cutBlocks(_ text: [UInt8], _ blocks: inout EventBlocks, limit: Int) {
        var rest = text[...]
        for _ in 0...text.count {
            let decision = Array(rest).raw { blocks.cutPoint(in: $0, limit: limit, isEnd: true) }
            guard case .cut(let count) = decision else { break }
            require(count > 0 && count <= rest.count, "a cut at \(count) of \(rest.count)")
            rest = rest.dropFirst(count)
            blocks.advance()
        }
        require(!rest.contains(0x0A), "lines are left that are never cut off")
        if let grouped = text.raw(EventBlocks.grouped) {
            require(grouped.count <= text.count + 1, "grouped lines are longer")
        }
    }

    private static func shed(_ text: [UInt8], _ rate: Int) {
        var shedder = LineShedder(LineShedder.Limits(bytesPerSecond: rate, burst: 2 * rate))
        var box = BlackBox(capacity: 1024)
        let judged = [JudgedLine(line: 0..<text.count, rule: "r", weight: .rootCause)].filter { !$0.line.isEmpty }
        text.raw { raw in
            let block = shedder.shed(raw, judged: judged, now: .now, wallClock: 0)
            _ = block.text(of: raw)
            for report in box.record(raw, judged: judged, now: .now) {
                require(report.lines.count <= 1024 + text.count, "a black box is too large")
            }
        }
    }

    /// Patterns of `--log-file` against names.
    private static func logPaths(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map(\.text)
        for pattern in PathPattern.all("/" + parts[0]) {
            for seesHidden in [false, true] { _ = pattern.matches("/" + (parts.last ?? ""), seesHidden: seesHidden) }
        }
    }
}
