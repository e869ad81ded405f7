extension FileSystem {
    /// Writes all bytes, in one call unless the system takes fewer; waits where it must.
    ///
    /// - Parameter written: how many were written, also when it throws.
    func writeAll(_ descriptor: CInt, _ bytes: [UInt8], written: inout Int) throws(FileSystemError) {
        written = 0
        while written < bytes.count {
            do throws(FileSystemError) {
                written += try write(descriptor, bytes[written...])
            } catch {
                guard error.wouldBlock else { throw error }
                try waitUntilWritable(descriptor)
            }
        }
    }
}
