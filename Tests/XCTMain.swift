import Testing

/// Starts the tests of all targets.
///
/// SwiftPM takes a file of this name for the entry point and then looks for no XCTest classes, of which there are none here. Without it,
/// it looks for them in the editors' index, and refuses to build tests with `--disable-index-store`. `swift test` asks an executable with
/// an entry point of its own for XCTests unless told `--enable-swift-testing --disable-xctest`.
@main
struct TestMain {
    static func main() async {
        await Testing.__swiftPMEntryPoint() as Never
    }
}
