import SystemSupport
import Testing

@Suite struct TimeTextTests {
    @Test(
        arguments: [
            ("10m", 9400), ("0s", 10000), ("1d", -76400), ("1795464000", 1_795_464_000), ("1970-01-02", 86400),
            ("1970-01-02T00:01Z", 86460), ("1970-01-02 00:01:05", 86465), ("2028-02-29T23:59:59Z", 1_835_481_599),
        ] as [(String, Int64)]) func readsMoments(text: String, seconds: Int64)
    {
        #expect(TimeText.read(text, now: 10000) == seconds)
    }

    @Test(arguments: [
        "", "10", "m", "10 m", "1.5h", "-1h", "yesterday", "2027-02-29", "2027-13-01", "2027-01-01T24:00",
        "2027-01-01T", "2027-1-1", "99999999999999999999", "9223372036854775807d", "2027-01-01T10:00:00+01:00",
    ]) func refusesOtherMoments(text: String) {
        #expect(TimeText.read(text, now: 10000) == nil)
    }
}
