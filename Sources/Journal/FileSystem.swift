/// A system call that failed.
struct SystemFailure: Error, Hashable {
    let call: String
    /// The value of `errno` after it.
    let code: CInt
}

/// What the journal asks of the file system: system calls, with nothing around them, so that tests can make each fail.
protocol FileSystem: Sendable {
    func open(_ path: String, flags: CInt) throws(SystemFailure) -> CInt
    func close(_ descriptor: CInt)
    func length(_ descriptor: CInt) throws(SystemFailure) -> UInt64
    func read(_ descriptor: CInt, into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemFailure)
        -> Int
    func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemFailure) -> Int
    func truncate(_ descriptor: CInt, to length: UInt64) throws(SystemFailure)
    func synchronize(_ descriptor: CInt) throws(SystemFailure)
    func makeDirectory(_ path: String) throws(SystemFailure)
    func names(in path: String) throws(SystemFailure) -> [String]
    func rename(_ path: String, to newPath: String) throws(SystemFailure)
    func remove(_ path: String) throws(SystemFailure)
}
