private import Glibc

/// This machine's name, as `hostname` says it.
package enum HostName {
    /// Asked anew each time; empty if the system does not say.
    package static var current: String {
        var host = [CChar](repeating: 0, count: 256)
        gethostname(&host, host.count - 1)
        return String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
