import SystemSupport
import Testing

@Suite struct QuantityTests {
    @Test(arguments: [("500ms", 0.5), ("2s", 2), ("10m", 600), ("1h", 3600), ("0s", 0)])
    func durationsHaveUnits(text: String, seconds: Double) throws {
        #expect(try #require(DurationText.read(text)) == .seconds(seconds))
        #expect(DurationText.read(DurationText.write(.seconds(seconds))) == .seconds(seconds))
    }

    @Test(arguments: [(1024, "1KiB"), (1000, "1000"), (1 << 30, "1GiB"), (3 << 20, "3MiB"), (0, "0")])
    func sizesAreWrittenInTheLargestUnit(bytes: Int, text: String) {
        #expect(SizeText.write(bytes) == text)
        #expect(SizeText.read(text) == bytes)
    }

    @Test(arguments: ["", "5", "s", "-1s", "1.5s", "5 s", "5S", "99999999999999999h", "5days"])
    func otherDurationsAreRefused(text: String) {
        #expect(DurationText.read(text) == nil)
    }
}
