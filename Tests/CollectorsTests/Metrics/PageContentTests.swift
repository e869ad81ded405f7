@testable import Collectors
import Testing

@Suite struct PageContentTests {
    @Test(arguments: [
        "", "\n", "\n \n\t", "<!DOCTYPE html>\n<html>\n<body><h1>It works!</h1></body>\n</html>",
        "404 page not found", "{\"status\": \"ok\"}", "{\n  \"XPU_TIMER_COMMON_HANG\": 1\n}",
        "\u{1F}\u{FFFD}\u{8}\u{0}\u{FFFD}XPU_TIMER_COMMON_HANG", "XPU_TIMER_COMMON_HANG{ip=\"11.36",
        "XPU_TIMER_COMMON_HANG",
    ])
    func isNothingWithoutASample(page: String) {
        #expect(PageContent(of: page) == .nothing)
    }

    @Test(arguments: [
        "\na 1", "garbage\nXPU_TIMER_COMMON_POOL_QUEUE_SIZE{rank=\"0\"} 3", "XPU_TIMER_COMMON_HANG_OTHER 1",
        "XPU_TIMER_COMMON_HANG 2", "XPU_TIMER_COMMON_HANG NaN",
        "XPU_TIMER_COMMON_HANG{rank=\"0\"} 1\nXPU_TIMER_COMMON_HANG{rank=\"1\"} 2",
        "a{x=\"XPU_TIMER_COMMON_HANG\"} 1\nXPU_TIMER_COMMON_HANG{rank=",
    ])
    func tellsMetricsWithoutAHangLine(page: String) {
        #expect(PageContent(of: page) == .metrics)
    }

    @Test(arguments: [
        "XPU_TIMER_COMMON_HANG 0", " XPU_TIMER_COMMON_HANG 1e0 1.5",
        "a 1\nb 2\nXPU_TIMER_COMMON_HANG{rank=\"0\"} 1\nc 3",
        "<html>\nXPU_TIMER_COMMON_HANG{rank=\"0\"} 1.0 1700000000000",
    ])
    func findsAHangLine(page: String) {
        #expect(PageContent(of: page) == .hangLines)
    }
}
