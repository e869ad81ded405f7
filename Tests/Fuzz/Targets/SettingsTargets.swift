internal import Diagnosis

@testable internal import Agent
@testable internal import FailureDiagnosis

/// Files that an operator writes.
extension FuzzTarget {
    static let settings = [FuzzTarget("settings", settingsFile), FuzzTarget("rules", rules)]

    private static let file = MemoryFile()

    private static func settingsFile(_ bytes: [UInt8]) {
        file.replace(with: bytes)
        do throws(SettingsError) {
            let settings = try AgentSettings(file: file.path, environment: [:], flags: [])
            _ = "\(settings)"
        } catch {
            require(!error.reason.isEmpty, "an error without a reason")
        }
        _ = try? ListText.items(of: bytes.text, place: "here")
        _ = KubernetesVariable.isInjected(bytes.text, bytes.text)
    }

    /// The rules of a file, then lines that they are tried on: after byte 0xFF.
    private static func rules(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let parts = input.parts(2)
        do throws(RuleTableError) {
            var table = RuleTable()
            try table.apply(yaml: parts[0].text, name: "f")
            let matcher = RuleMatcher(table)
            let lines = parts.count > 1 ? parts[1] : Array("RuntimeError: aaaaaaaaaaaaaaaaaaaaaaaaaaaa\n".utf8)
            for hit in matcher.hits(in: lines[...]) {
                require(hit.line.upperBound <= lines.count, "a hit outside the text")
            }
        } catch {
            require(error.place.hasPrefix("f"), "an error without a place")
        }
        var table = RuleTable()
        _ = table.addFailureNodeErrors(bytes.text)
    }
}
