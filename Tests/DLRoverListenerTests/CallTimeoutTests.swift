import MasterClients
import Testing

struct CallTimeoutTests {
    @Test(arguments: [
        ("5S", Duration.seconds(5)), ("59999m", .milliseconds(59999)), ("1H", .seconds(3600)), ("2M", .seconds(120)),
        ("99999999u", .microseconds(99_999_999)), ("1n", .nanoseconds(1)), ("", nil), ("S", nil), ("-1S", nil),
        ("5s", nil),
        ("123456789S", nil),
    ])
    func readsTimeouts(text: String, expected: Duration?) {
        #expect(GRPCTimeout.decode(text) == expected)
    }
}
