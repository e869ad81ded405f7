internal import ArgumentParser
internal import Diagnosis
internal import FailureDiagnosis
private import Foundation

/// The flags that say where a failure's evidence is.
struct EvidenceOptions: ParsableArguments {
    @ArgumentParser.Option(
        help: ArgumentHelp(
            "A log, of all ranks or of the one before an equals sign (3=rank3.log). May be given more than once.",
            valueName: "[rank=]file"))
    var log: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "A folder of torchrun --log-dir: the newest run's last attempt.", valueName: "dir"))
    var logDir: String?

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "What torch elastic's record wrote for a rank. May be given more than once.", valueName: "[rank=]file"))
    var errorFile: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp("What dmesg or journalctl -k wrote.", valueName: "file"))
    var kernelLog: String?

    @ArgumentParser.Option(
        help: ArgumentHelp(
            """
            What the launcher says: a JSON object, DLRover's {"<rank>": {"exitcode": …}} or any other; @file, or - for \
            standard input.
            """, valueName: "json"))
    var failures: String?

    /// Adds what the flags say; logs of the command line take the place of the settings'.
    func add(to failure: inout TrainingFailure) throws {
        if !log.isEmpty || logDir != nil { failure.logs = log.map(Self.source) }
        failure.errorFiles += errorFile.map(Self.source)
        if let logDir {
            do throws(RuleTableError) {
                let files = try TorchrunLogs(folder: logDir, nodeRank: failure.node.rank)
                failure.logs += files.logs
                failure.errorFiles += files.errorFiles
            } catch {
                throw Self.refusal("--log-dir: \(error)")
            }
        }
        if let failures { failure.failures = try Self.object(failures) }
        guard
            failure.failures != nil || failure.kernelLog != nil || !failure.logs.isEmpty || !failure.errorFiles.isEmpty
        else {
            throw Self.refusal(
                "There is nothing to read; give --log, --log-dir, --error-file, --kernel-log or --failures.")
        }
    }

    private static func source(_ text: String) -> LogSource {
        guard let sign = text.firstIndex(of: "="), let rank = Int(text[..<sign]), rank >= 0 else {
            return LogSource(path: text)
        }
        return LogSource(path: String(text[text.index(after: sign)...]), rank: rank)
    }

    private static func object(_ text: String) throws -> String {
        var json = text
        if text == "-" {
            // A pipe has no size, and FileManager reads none that has not.
            json = String(decoding: try FileHandle.standardInput.readToEnd() ?? Data(), as: UTF8.self)
        } else if text.hasPrefix("@") {
            let path = String(text.dropFirst())
            guard let bytes = FileManager.default.contents(atPath: path) else {
                throw refusal("--failures: \(path) cannot be read")
            }
            json = String(decoding: bytes, as: UTF8.self)
        }
        guard JSONValue.object(json) != nil else {
            throw refusal(
                """
                --failures is '\(json.prefix(80))'; it must be a JSON object, such as {"error": "text"} or \
                {"0": {"exitcode": -9}}
                """)
        }
        return json
    }

    private static func refusal(_ text: String) -> ExitCode {
        StandardError.say("Error: \(text)")
        return .validationFailure
    }
}
