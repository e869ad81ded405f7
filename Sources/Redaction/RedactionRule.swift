package import Diagnosis
internal import FailureDiagnosis
private import SystemSupport

/// What is taken out of texts, and what is put in its place.
package struct RedactionRule: Sendable {
    /// How a rule finds what it hides.
    enum Method: Sendable {
        /// With an expression; a line without any of the texts can't match. `nil`: every line is tried.
        case pattern(MatchPattern, texts: [TermScanner.Term]?, replacement: [ReplacementPiece])
        /// Private keys, over several lines.
        case privateKeys
        /// Whatever arobust hides in its own messages.
        case secrets
    }

    /// A part of a replacement.
    enum ReplacementPiece: Hashable, Sendable {
        case text([UInt8])
        case group(Int)
    }

    package static let defaultReplacement = SecretText.replacement
    /// How many rules there may be.
    package static let most = 64
    /// CPU time for 4 KiB of text that is hard for expressions, in nanoseconds. At this limit a MiB of such text takes half a minute.
    package static let longestTrial: UInt64 = 100_000_000
    private static let longestReplacement = 200

    /// As it is counted: the name of a ready-made one, or `rule-2` for the second of the list.
    package let name: String
    /// Data types that it is for; `nil`: all. One for training logs is for incidents, too, which have their last lines.
    package let types: Set<DiagnosisDataType>?
    let method: Method

    /// A rule of an operator's own.
    ///
    /// - Parameters:
    ///   - pattern: a POSIX extended regular expression, as `grep -E` takes it; matched with a line at a time.
    ///   - replacement: `\1` to `\9` stand for what the groups match, `\\` for a backslash.
    package init(
        name: String, pattern: String, replacement: String = Self.defaultReplacement,
        types: Set<DiagnosisDataType>? = nil, longestTrial: UInt64 = Self.longestTrial
    ) throws(RedactionProblem) {
        let compiled = try MatchPattern(pattern)
        guard !compiled.matchesNothing else {
            throw RedactionProblem("it matches where nothing stands, and so everywhere")
        }
        let time = compiled.trialTime(limit: longestTrial)
        guard time <= longestTrial else {
            throw RedactionProblem(
                "it takes \(time / 1_000_000) ms of CPU for at most \(MatchPattern.window) bytes of a text that is hard for "
                    + "it; \(longestTrial / 1_000_000) ms are allowed")
        }
        let pieces = try Self.pieces(of: replacement, groups: compiled.groups)
        self.name = name
        self.types = types.map { $0.contains(.trainingLog) ? $0.union([.incident]) : $0 }
        method = .pattern(
            compiled, texts: RequiredText.of(pattern).map { [.init(bytes: $0, ignoresCase: false)] },
            replacement: pieces)
    }

    private init(name: String, _ method: Method) {
        self.name = name
        self.method = method
        types = nil
    }

    private static func pieces(
        of replacement: String, groups: Int
    ) throws(RedactionProblem) -> [ReplacementPiece] {
        guard replacement.utf8.count <= longestReplacement else {
            throw RedactionProblem("its replacement is longer than \(longestReplacement) bytes")
        }
        guard !replacement.utf8.contains(where: { $0 < 0x20 }) else {
            throw RedactionProblem("its replacement has a line break or another control character")
        }
        var (pieces, text): ([ReplacementPiece], [UInt8]) = ([], [])
        var rest = Array(replacement.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            guard let sign = rest.popFirst() else {
                throw RedactionProblem("its replacement ends with a single backslash")
            }
            if sign == UInt8(ascii: "\\") {
                text.append(sign)
            } else if (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(sign) {
                let group = Int(sign - UInt8(ascii: "0"))
                guard group <= groups else {
                    throw RedactionProblem("its replacement has \\\(group), and the pattern \(groups) groups")
                }
                pieces += [.text(text), .group(group)]
                text = []
            } else {
                throw RedactionProblem("its replacement has a backslash before neither a digit nor a backslash")
            }
        }
        return pieces + [.text(text)]
    }

    // MARK: ready-made ones

    /// The names of the ready-made rules.
    package static let names = ["aws-keys", "bearer-tokens", "url-passwords", "private-keys", "secrets"]

    /// The rules of a ready-made name; `nil`: there is none.
    package static func named(_ name: String) -> [RedactionRule]? {
        let hidden = ReplacementPiece.text(Array(defaultReplacement.utf8))
        switch name {
        // Access keys by their shape, secret keys by their name (docs.aws.amazon.com, IAM identifiers).
        case "aws-keys":
            return [
                ready(
                    name, "(^|[^A-Za-z0-9])(AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}", texts: ["AKIA", "ASIA", "ABIA", "ACCA"],
                    [.group(1), hidden]),
                ready(
                    name, "(secret_?access_?key|session_?token)([\"']?[ ]*[=:][ ]*[\"']?)[A-Za-z0-9/+=]{20,}",
                    texts: ["secret", "session"], ignoresCase: true, [.group(1), .group(2), hidden]),
            ]
        // RFC 6750: the token's characters.
        case "bearer-tokens":
            return [
                ready(
                    name, "(bearer[ ]+)[A-Za-z0-9._~+/-]{8,}=*", texts: ["bearer"], ignoresCase: true,
                    [.group(1), hidden])
            ]
        // RFC 3986: what stands between the colon and the last @ of the authority.
        case "url-passwords":
            return [
                ready(
                    name, "(://[^][ /:@\"'<>]*:)[^] /\"'<>]+@", texts: ["://"],
                    [.group(1), hidden, .text([UInt8(ascii: "@")])])
            ]
        case "private-keys": return [RedactionRule(name: name, .privateKeys)]
        case "secrets": return [RedactionRule(name: name, .secrets)]
        default: return nil
        }
    }

    private static func ready(
        _ name: String, _ pattern: String, texts: [String], ignoresCase: Bool = false,
        _ replacement: [ReplacementPiece]
    ) -> RedactionRule {
        let terms = texts.map { TermScanner.Term(bytes: Array($0.utf8), ignoresCase: ignoresCase) }
        do {
            let compiled = try MatchPattern(pattern, ignoresCase: ignoresCase)
            return RedactionRule(name: name, .pattern(compiled, texts: terms, replacement: replacement))
        } catch {
            // Written above, and compiled in a test.
            preconditionFailure("the rule \(name): \(error)")
        }
    }
}
