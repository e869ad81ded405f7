/// The exit codes that launchers name at a log's end: DeepSpeed's `exits with return code = 1`, mpirun's `Exit code:    1`, srun's `Exited with
/// exit code 1`, Python's `returned non-zero exit status 1`.
enum ReportedExitCodes {
    /// How far from a log's end they are searched for, in bytes.
    static let reach = 4 << 10
    private static let keys = [
        "exits with return code = ", "xit code:", "xit code ", "exit status ", "exitcode: ", "exit code = ",
    ]

    static func read(_ logEnd: UnsafeRawBufferPointer) -> Set<Int> {
        let text = String(decoding: logEnd, as: UTF8.self)
        var codes: Set<Int> = []
        for key in keys {
            for part in text.split(separator: key, omittingEmptySubsequences: false).dropFirst() {
                let number = part.prefix(12).drop { $0 == " " }
                let digits = number.drop { $0 == "-" }.prefix { $0.isASCII && $0.isNumber }
                guard let code = Int(digits), code > 0, code < 256 else { continue }
                codes.insert(number.hasPrefix("-") ? -code : code)
            }
        }
        return codes
    }
}
