import ConsoleStore
import Testing

struct FormatTests {
    @Test func theFormatHasAVersion() {
        #expect(ConsoleStoreFormat.version == 1)
    }
}
