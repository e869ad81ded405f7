import Diagnosis
import Testing

@Suite struct HangLineTests {
    private func kind(_ line: String) -> String {
        switch HangLine.kind(of: line[...].utf8) {
        case .hang(let hangLine): hangLine.text
        case .lookalike: "lookalike"
        case .unusable: "unusable"
        case .other: "other"
        }
    }

    @Test(arguments: [
        ("XPU_TIMER_COMMON_HANG 0", "XPU_TIMER_COMMON_HANG 0"),
        ("\tXPU_TIMER_COMMON_HANG{rank=\"0\"} 1.0 1700000000000", "XPU_TIMER_COMMON_HANG{rank=\"0\"} 1"),
        ("XPU_TIMER_COMMON_HANG{}1 ", "XPU_TIMER_COMMON_HANG{} 1"),
        (
            #"XPU_TIMER_COMMON_HANG { a = "}\"\\" , b="é",} 0e0 -1.5"#,
            #"XPU_TIMER_COMMON_HANG{ a = "}\"\\" , b="é",} 0"#
        ),
    ])
    func readsALineAndWritesItForTheDetector(line: String, text: String) {
        #expect(kind(line) == text)
    }

    @Test(arguments: ["XPU_TIMER_COMMON_HANG_OTHER 1", "XPU_TIMER_COMMON_HANG:x 1", "XPU_TIMER_COMMON_HANG2"])
    func tellsOtherMetricsWhoseNamesBeginTheSame(line: String) {
        #expect(kind(line) == "lookalike")
    }

    @Test(arguments: [
        "", " ", "-1", " 2", " NaN", " 1 now", " 1 2 3", "{rank=", "{9a=\"x\"} 1", "{a=\"x\" 1", "{a=x} 1", "{a} 1",
        "{,} 1",
        "{a=\"\\", "{a=\"1\",,} 1", "{a=\"1\"}", "} 1", "é 1",
    ])
    func refusesWhatTheDetectorWouldMisread(rest: String) {
        #expect(kind("XPU_TIMER_COMMON_HANG" + rest) == "unusable")
    }

    @Test(arguments: ["", " ", "# XPU_TIMER_COMMON_HANG 1", "aXPU_TIMER_COMMON_HANG 1", "xpu_timer_common_hang 1"])
    func passesOverEverythingElse(line: String) {
        #expect(kind(line) == "other")
    }
}
