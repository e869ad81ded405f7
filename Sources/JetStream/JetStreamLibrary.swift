internal import CNATS

/// The library that speaks NATS. It is loaded when it is first asked for.
package enum JetStreamLibrary {
    /// Why streams cannot be reached on this machine, as a sentence; `nil` if they can. Loads the library.
    package static var obstacle: String? {
        arobust_nats_obstacle().map { String(cString: $0) }
    }
}
