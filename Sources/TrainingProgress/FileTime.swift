private import Glibc

/// When files were written.
package enum FileTime {
    /// In seconds since 1970; `nil` if there is no such file. Blocks for as long as the disk does.
    package static func modified(_ path: String) -> Double? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
    }
}
