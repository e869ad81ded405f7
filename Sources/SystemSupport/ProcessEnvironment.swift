private import Glibc

/// The environment of this process, as it is now: with what the process has set itself.
package enum ProcessEnvironment {
    /// The values by name. Of a name that stands twice the first one counts, as for `getenv`; an entry without `=` is none.
    ///
    /// Not to be called while another thread sets variables, which glibc allows no program.
    package static func all() -> [String: String] {
        var entry = environ
        var values: [String: String] = [:]
        while let text = entry.pointee {
            entry += 1
            guard let equals = strchr(text, CInt(UInt8(ascii: "="))) else { continue }
            let name = String(decoding: UnsafeRawBufferPointer(start: text, count: equals - text), as: UTF8.self)
            if values[name] == nil { values[name] = String(cString: equals + 1) }
        }
        return values
    }
}
