@testable import Collectors
import Testing

/// The expected values are those of DLRover's own filter (`xpu_timer_metric_collector.py` of 0.6.1).
@Suite(.timeLimit(.minutes(1))) struct XPUTimerFilterTests {
    @Test(arguments: [
        ("a 1\nb 2\n", "a 1\nb 2"),
        ("a 1\nb 2", "a 1\nb 2"),
        ("# HELP a\n# TYPE a gauge\na 1\n", "a 1"),
        ("exposer_scrapes_total 5\na 1\n", "a 1"),
        (" # c\nEXPOSER 1\n exposer 2\n", " # c\nEXPOSER 1\n exposer 2"),
        ("a 1\n\nb 2\n", "a 1\n\nb 2"),
        ("a 1\r\nb 2\r\n", "a 1\nb 2"),
        ("a\rb\u{B}c\u{C}d\u{1C}e\u{1D}f\u{1E}g\u{85}h\u{2028}i\u{2029}j", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj"),
        ("a 1 \u{1F}é†\u{A0}\n", "a 1 \u{1F}é†\u{A0}"),
        ("#only\nexposer\n", ""),
        ("", ""),
        ("\n", ""),
        ("\n\n", "\n"),
    ])
    func keepsWhatDLRoverKeeps(page: String, kept: String) {
        #expect(XPUTimerFilter.apply(to: page) == kept)
    }

    @Test func aByteOrderMarkHidesNoHangLine() {
        #expect(XPUTimerFilter.apply(to: "\u{FEFF}XPU_TIMER_COMMON_HANG 0\na 1") == "XPU_TIMER_COMMON_HANG 0\na 1")
        #expect(XPUTimerFilter.apply(to: "\u{FEFF}# HELP a\na 1") == "a 1")
    }
}
