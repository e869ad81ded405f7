import Console
import Testing

struct ConsoleServerTests {
    @Test func aServerCanBeMade() {
        _ = ConsoleServer()
    }
}
