import Diagnosis
import Testing
import TestSupport

@testable import MasterClients

@Suite struct XPUSampleTests {
    private static func hang(_ rank: Int, _ value: String) -> String {
        #"XPU_TIMER_COMMON_HANG{ip="1.2.3.4",rank="\#(rank)"} \#(value)"#
    }

    private func sample(_ page: String, slim: Bool = false, limit: Int = 1 << 20) throws -> XPUSample {
        var escaped: [UInt8] = []
        MetricJSON.appendContent(page[...].utf8, to: &escaped)
        return try XPUSample(page: page, escaped: escaped[...], slim: slim, limit: limit)
    }

    private func text(_ sample: XPUSample) throws -> String {
        let json = Array(#"{"data_content": ""#.utf8) + sample.content + Array(#""}"#.utf8)
        return try MetricBody(checking: json[...]).content
    }

    @Test func `a good page goes as it came`() throws {
        let page = [Self.hang(0, "0"), Self.hang(1, "1"), "XPU_TIMER_MM_KERNEL_FLOPS 2.5", ""].joined(separator: "\n")
        let sample = try sample(page)
        #expect(sample.changes.isEmpty)
        #expect(try text(sample) == page || text(sample) + "\n" == page)
    }

    @Test(arguments: [
        ("1.0", "1"), ("1e0", "1"), ("+1", "1"), ("0.0", "0"), ("-0", "0"), ("0e5", "0"), ("1 1730000000000", "1"),
        ("0 1730000000000", "0"), ("1.00  12", "1"), ("1 ", "1"),
    ])
    func `values become integers without a timestamp`(_ value: String, _ wanted: String) throws {
        let sample = try sample(Self.hang(0, value))
        #expect(try text(sample) == Self.hang(0, wanted))
        #expect(sample.changes == [.hangNormalised])
    }

    @Test(arguments: ["2", "NaN", "", "+Inf", "0.5", "-1", "1 x", "1 2 3", "one"])
    func `another value makes the page unusable`(_ value: String) {
        #expect { try sample(Self.hang(0, "0") + "\n" + Self.hang(1, value)) } throws: { error in
            (error as? DLRoverObjection)?.consequence == .skipped(rule: "hang-value")
        }
    }

    @Test(arguments: [
        "", "\n\n", "XPU_TIMER_MM_KERNEL_FLOPS 1", "# XPU_TIMER_COMMON_HANG 0", "x XPU_TIMER_COMMON_HANG 0",
        "XPU_TIMER_COMMON_HANG_FOO 0", "<html>",
    ])
    func `a page without a hang line is kept back`(_ page: String) {
        #expect(throws: DLRoverObjection.noHangLine) { try sample(page) }
    }

    @Test func `hang lines come first, and what only looks like one is left out`() throws {
        let page = [
            "a 1", "  " + Self.hang(1, "1"), "XPU_TIMER_COMMON_HANG_FOO{} 3", "b 2", Self.hang(0, "0"),
            "XPU_TIMER_COMMON_HANGING 1",
        ].joined(separator: "\n")
        let sample = try sample(page)
        #expect(try text(sample) == [Self.hang(1, "1"), Self.hang(0, "0"), "a 1", "b 2"].joined(separator: "\n"))
        #expect(sample.changes == [.hangNormalised])
    }

    @Test func `labels may hold anything that is quoted`() throws {
        let labels = #"{a="}",b="\" 1 {",c="\\",rank="12"}"#
        #expect(try text(sample("XPU_TIMER_COMMON_HANG\(labels) 1.0")) == "XPU_TIMER_COMMON_HANG\(labels) 1")
        #expect(throws: DLRoverObjection.self) { try sample(#"XPU_TIMER_COMMON_HANG{a="} 1"#) }
    }

    @Test func `slim leaves the hang lines`() throws {
        let sample = try sample([Self.hang(0, "0"), "a 1", "b 2"].joined(separator: "\n"), slim: true)
        #expect(try text(sample) == Self.hang(0, "0"))
        #expect(sample.changes == [.slimmed])
    }

    @Test func `a large page loses lines from its end, never a hang line`() throws {
        let others = (0..<100).map { "metric_\($0) 1" }
        let page = (others + (0..<8).map { Self.hang($0, "0") }).joined(separator: "\n")
        let sample = try sample(page, limit: 700)
        let lines = try text(sample).split(separator: "\n").map(String.init)
        #expect(lines.prefix(8) == (0..<8).map { Self.hang($0, "0") }[...])
        #expect(lines.count > 8 && Array(lines.dropFirst(8)) == Array(others.prefix(lines.count - 8)))
        #expect(sample.content.count <= 700 && sample.changes == [.trimmed])
        #expect(throws: DLRoverObjection.self) { try self.sample(page, limit: 300) }
    }

    /// As the detector of DLRover 0.6.1 reads a page (`check_training_hang_operator.py`).
    private func detectorSees(_ text: String) -> [Bool?] {
        PythonLines.split(text[...].utf8).map { String(Substring($0)) }.filter { $0.hasPrefix(HangLine.name) }
            .map { $0.hasSuffix(" 1") ? true : $0.hasSuffix(" 0") ? false : nil }
    }

    @Test(arguments: [1, 2, UInt64.random(in: 0 ... .max)])
    func `no page fools the detector`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            Self.hang(0, "0"), Self.hang(1, "1"), Self.hang(2, "1.0"), Self.hang(3, "0 17"), "XPU_TIMER_COMMON_HANG",
            "XPU_TIMER_COMMON_HANGX 1", " ", "\n", "\r\n", "\u{2028}", "\u{0B}", "\u{1C}", "\u{85}", "{", "}", "\"",
            "\\",
            "a 1", "é", "\0", "1", "#",
        ]
        for _ in 0..<3000 {
            let page = (0..<Int.random(in: 0...14, using: &random)).map { _ in
                (pieces.randomElement(using: &random) ?? "")
                    + (Bool.random(using: &random) ? "\n" : "")
            }.joined()
            let limit = Int.random(in: 40...400, using: &random)
            guard let sample = try? sample(page, slim: .random(using: &random), limit: limit) else { continue }
            let seen = detectorSees(try text(sample))
            #expect(!seen.isEmpty && !seen.contains(nil), "\(page.debugDescription)")
            #expect(sample.content.count <= limit)
        }
    }
}
