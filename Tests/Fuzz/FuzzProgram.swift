internal import Glibc

/// The program that `scripts/fuzz` runs: libFuzzer's own `main`, which calls these two. The variable `FUZZ_TARGET` names what is fuzzed.
@_cdecl("LLVMFuzzerInitialize")
public func initializeFuzzer(
    _ argc: UnsafeMutablePointer<CInt>?,
    _ argv: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard FuzzTarget.all.contains(where: { $0.name == name }) else {
        // The list is on standard output by itself: the script reads it.
        print(FuzzTarget.all.map(\.name).joined(separator: "\n"))
        exit(name == "list" ? 0 : 64)
    }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.chosen.run(Array(UnsafeBufferPointer(start: data, count: count)))
    return 0
}
