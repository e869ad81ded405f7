import CoreMetrics
import Diagnosis
import Foundation
import Telemetry
import Testing

@testable import Redaction

@Suite struct RedactorTests {
    private let registry = TelemetryRegistry()

    private func redactor(_ names: String...) -> Redactor {
        Redactor(names.flatMap { RedactionRule.named($0) ?? [] }, factory: registry)
    }

    private func log(
        _ redactor: Redactor, _ content: String, at position: UInt8, of key: String = "log:/a"
    ) -> String {
        let metric = WorkerTrainingMetric(dataType: .trainingLog, dataContent: content, node: NodeIdentity())
        return redactor.redacted([metric], position: SourcePosition(key: key, bytes: [position]))[0].dataContent
    }

    // MARK: private keys

    private let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabcd\n-----END RSA PRIVATE KEY-----"

    @Test func aKeyIsHiddenLineByLine() {
        #expect(
            log(redactor("private-keys"), "a\n\(key)\nb", at: 1)
                == "a\n[redacted]\n[redacted]\n[redacted]\n[redacted]\nb")
        #expect(
            log(
                redactor("private-keys"), #"x "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n" y"#, at: 1
            )
                == #"x "[redacted]\n" y"#)
        let certificate = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----"
        #expect(log(redactor("private-keys"), certificate, at: 1) == certificate)
    }

    /// Wherever a log is cut into pieces, and whatever stands around the key in another log.
    @Test func aKeyMayComeInPieces() {
        let lines = "a\n\(key)\nb".split(separator: "\n").map(String.init)
        for cut in 1..<lines.count {
            for second in cut...lines.count {
                let redactor = redactor("private-keys")
                var shown = log(redactor, lines[..<cut].joined(separator: "\n"), at: 1)
                #expect(log(redactor, "another log", at: 9, of: "log:/b") == "another log")
                for (number, part) in [lines[cut..<second], lines[second...]].enumerated() where !part.isEmpty {
                    shown += "\n" + log(redactor, part.joined(separator: "\n"), at: UInt8(2 + number))
                }
                #expect(shown == "a\n[redacted]\n[redacted]\n[redacted]\n[redacted]\nb", "cut at \(cut) and \(second)")
            }
        }
    }

    @Test func aTextThatComesAgainIsTheSame() {
        let redactor = redactor("private-keys")
        let first = "a\n-----BEGIN PRIVATE KEY-----\nMII"
        for _ in 0..<3 { #expect(log(redactor, first, at: 1) == "a\n[redacted]\n[redacted]") }
        for _ in 0..<3 {
            #expect(log(redactor, "abcd\n-----END PRIVATE KEY-----\nb", at: 2) == "[redacted]\n[redacted]\nb")
        }
        #expect(log(redactor, "c", at: 3) == "c")
    }

    @Test func aKeyWithoutAnEndIsOver() {
        let redactor = redactor("private-keys")
        let lines = Array(repeating: "x", count: KeyBlock.mostLines + 10).joined(separator: "\n")
        let shown = log(redactor, "-----BEGIN PRIVATE KEY-----\n" + lines, at: 1).split(separator: "\n")
        #expect(shown.count { $0 == "[redacted]" } == KeyBlock.mostLines && shown.last == "x")
        #expect(log(redactor, "x", at: 2) == "x")
    }

    // MARK: JSON

    @Test func jsonStaysJSON() throws {
        let redactor = Redactor(
            [try RedactionRule(name: "own", pattern: "pass[^;]*", replacement: "\"}")]
                + (RedactionRule.named("aws-keys") ?? []),
            factory: registry)
        let content =
            #"{"a": ["pass \" word;x", 1, null], "passkey": {"b": "l\u0131ne\nAKIAIOSFODNN7EXAMPLE"}, "base64": "password"}"#
        let shown = try #require(redactor.redacted(content, of: .generic))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(shown.utf8)) as? [String: Any])
        #expect((object["a"] as? [Any])?.first as? String == "\"};x")
        #expect((object["passkey"] as? [String: String]) == ["b": "lıne\n[redacted]"])
        #expect(object["base64"] as? String == "password")
        #expect(redactor.redacted(#"{"a": "nothing"}"#, of: .generic) == nil)
        // What only looks like JSON is text.
        #expect(redactor.redacted("{pass", of: .generic) == "{\"}")
    }

    // MARK: what else stays

    @Test func onlyTheContentChangesAndItIsCounted() {
        let redactor = redactor("url-passwords", "bearer-tokens")
        var metric = WorkerTrainingMetric(
            dataType: .stackTrace, dataContent: "a://b:c@d a://e:f@g", node: NodeIdentity(), timestamp: 7,
            isFinalResult: true)
        let shown = redactor.redacted([metric], position: nil)[0]
        metric.dataContent = "a://b:[redacted]@d a://e:[redacted]@g"
        #expect(shown == metric)
        let text = registry.text()
        #expect(text.contains(#"arobust_redacted_total{rule="url-passwords"} 2"#))
        #expect(text.contains(#"arobust_redacted_total{rule="bearer-tokens"} 0"#))
    }
}
