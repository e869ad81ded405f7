internal import ConsoleStore
internal import Hummingbird

/// The console's page and its HTTP API.
package struct ConsoleServer {
    /// Makes a server.
    package init() {}
}
