private import Glibc

/// A call of the operating system that failed.
public struct SystemCallError: Error, Hashable, CustomStringConvertible {
    public let code: Int32
    public let call: String
    public let path: String?

    /// Takes `errno` unless another code is given: to be made right after the call.
    init(call: String, path: String?, code: Int32 = errno) {
        self.code = code
        self.call = call
        self.path = path
    }

    public var description: String {
        "\(call)\(path.map { " \($0)" } ?? ""): \(String(cString: strerror(code)))"
    }
}
