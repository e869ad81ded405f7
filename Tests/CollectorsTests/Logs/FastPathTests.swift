import Diagnosis
import TestSupport
import Testing

@testable import Collectors

/// What is done quickly for most lines gives the same as the long way.
@Suite struct FastPathTests {
    private static let lines = [
        "2026-11-29 10:00:00 INFO step 1", "2026-11-29 10:00:00 WARN h:1:2 [0] a.cc:1 NCCL WARN closed",
        "2026-11-29", "", "  File \"a.py\", line 1", "Traceback (most recent call last):", "ValueError: x",
        "h:1:2 [0] NCCL INFO a.cc:2 -> 6", "[rank3]: Traceback (most recent call last):", "[rank3]: E: 1",
        "2026-11-29 10:00:01 WWWW NCCL WARN", "frame #0: c10::Error + 0x1", "9999-99-99x",
    ]

    private static func text(_ random: inout SeededGenerator) -> [UInt8] {
        var text: [UInt8] = []
        for _ in 0..<Int.random(in: 1...40, using: &random) {
            text += (lines.randomElement(using: &random) ?? "").utf8
            text.append(0x0A)
        }
        return text
    }

    /// As `EventBlocks.cutPoint`, with the tracker asked of every line.
    private static func cut(_ bytes: [UInt8], _ front: EventTracker, limit: Int, hardLimit: Int) -> Int? {
        bytes.withUnsafeBytes { bytes in
            var (tracker, start, allowed) = (front, 0, 0)
            while let end = LineBytes.end(from: start, in: bytes) {
                var ahead = tracker
                if !ahead.next(UnsafeRawBufferPointer(rebasing: bytes[start..<end])).isInside { allowed = start }
                if allowed > 0, end > limit { return allowed }
                if start > 0, allowed == 0, end > max(limit, hardLimit) { return start }
                tracker = ahead
                start = end
            }
            if !tracker.isOpen { return start }
            return allowed > 0 ? allowed : nil
        }
    }

    @Test(arguments: 0..<300 as Range<UInt64>) func plainLinesCutAsAllOthers(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let text = Self.text(&random)
        let (limit, hardLimit) = (Int.random(in: 1...900, using: &random), Int.random(in: 1...400, using: &random))
        var blocks = EventBlocks(hardLimit: hardLimit)
        let decision = text.withUnsafeBytes { blocks.cutPoint(in: $0, limit: limit, isEnd: false) }
        let expected = Self.cut(text, EventTracker(), limit: limit, hardLimit: hardLimit)
        #expect(decision == expected.map { .cut($0) } ?? .wait)
    }

    @Test(arguments: 0..<200 as Range<UInt64>) func aTextIsFoundByAnyOfItsLetters(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
            Array("ab ab".utf8).randomElement(using: &random) ?? 0
        }
        bytes.withUnsafeBytes { bytes in
            let expected = LineBytes(bytes).find("ab a")
            for rarest in 0..<4 { #expect(LineBytes(bytes).find("ab a", rarest: rarest) == expected) }
        }
    }

    /// Blocks that a black box only holds come out as if they had been copied.
    @Test(arguments: 0..<120 as Range<UInt64>) func aBlackBoxTellsTheSameOfBlocksThatItHeld(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let capacity = [1, 100, 5000, 9000, 20_000].randomElement(using: &random) ?? 1
        var (copying, holding) = (BlackBox(capacity: capacity), BlackBox(capacity: capacity))
        var now = ContinuousClock.now
        for round in 0..<30 {
            now += .seconds(61)
            var lines: [String] = []
            let wanted = [0, 30, 4000, 5000, 12_000].randomElement(using: &random) ?? 0
            var size = 0
            repeat {
                let line = "\(round) " + String(repeating: "x", count: Int.random(in: 0...600, using: &random))
                lines.append(line)
                size += line.utf8.count + 1
            } while size < wanted
            let content = lines.joined(separator: "\n")
            let bytes = Array((content + "\n").utf8)
            let hasCause = Int.random(in: 0..<5, using: &random) == 0
            let judged =
                hasCause ? [JudgedLine(line: 0..<lines[0].utf8.count, rule: "r\(round)", weight: .rootCause)] : []
            let expected = bytes.withUnsafeBytes { copying.record($0, judged: judged, now: now) }
            if hasCause || holding.isFollowing {
                let told = bytes.withUnsafeBytes { holding.record($0, judged: judged, now: now) }
                #expect(told == expected)
            } else {
                #expect(expected.isEmpty)
                holding.keep(content)
            }
        }
    }
}
