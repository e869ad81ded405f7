private import Glibc
internal import SystemSupport

/// What the program was called with, also where Swift's runtime doesn't know.
///
/// The runtime finds the arguments by walking back from `environ`, which only works as long as that is where the kernel put it. A library
/// that is preloaded (HAMi's, libfaketime, XPUTimer's hooks) and sets an environment variable before the runtime starts moves it, and
/// `CommandLine.arguments` is empty then (swiftlang/swift#76080). The kernel still knows them.
package struct ProgramArguments: Equatable {
    /// More than Linux lets a program be called with.
    private static let maximumBytes = 8 << 20

    /// Byte for byte, the program's name first, as nobody promises that they are UTF-8.
    package let bytes: [[UInt8]]

    /// Without the program's name.
    package var texts: [String] { bytes.dropFirst().map { String(decoding: $0, as: UTF8.self) } }

    /// Those of this process.
    package static var own: ProgramArguments {
        var runtime: [[UInt8]] = []
        for index in 0..<Int(CommandLine.argc) {
            guard let argument = CommandLine.unsafeArgv[index] else { break }
            runtime.append(Array(UnsafeRawBufferPointer(start: argument, count: strlen(argument))))
        }
        return ProgramArguments(
            runtime: runtime, kernel: try? WholeFile(path: "/proc/self/cmdline").read(limit: maximumBytes))
    }

    /// - Parameters:
    ///   - runtime: what Swift's runtime says.
    ///   - kernel: the contents of `/proc/self/cmdline`; `nil` if it can't be read.
    init(runtime: [[UInt8]], kernel: [UInt8]?) {
        guard let kernel, !kernel.isEmpty else {
            bytes = runtime
            return
        }
        // Each argument ends with a zero byte, the last one too.
        let text = kernel.last == 0 ? kernel.dropLast() : kernel[...]
        let all = text.split(separator: 0, omittingEmptySubsequences: false).map { Array($0) }
        // A loader or an emulator that was called with the program stands before it in the kernel's list, and not in the runtime's.
        bytes = !runtime.isEmpty && all.suffix(runtime.count).elementsEqual(runtime) ? runtime : all
    }
}
