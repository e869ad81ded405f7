internal import Diagnosis
internal import Redaction
internal import YAML

/// An item of the setting `redact`.
package enum RedactionChoice: Hashable, Sendable {
    /// Ready-made rules.
    case named(String)
    case own(pattern: String, replacement: String?, types: [String]?)
}

extension SettingFormat<RedactionChoice> {
    static var redaction: SettingFormat {
        SettingFormat(
            rule:
                "one of \(RedactionRule.names.joined(separator: ", ")), or a mapping {pattern: POSIX extended regular "
                + "expression, replacement: text, types: [data types]}, of which only pattern must be there",
            read: { text in
                if RedactionRule.names.contains(text) { return .named(text) }
                return text.hasPrefix("{") ? RedactionChoice(mapping: text) : nil
            },
            write: { choice in
                switch choice {
                case .named(let name): name
                case .own(let pattern, _, _): pattern
                }
            }, takesMappings: true)
    }
}

extension RedactionChoice {
    /// `nil` for an unknown key, and a value of another kind.
    fileprivate init?(mapping text: String) {
        guard case .mapping(let pairs)? = try? YAMLDocument.root(of: text)?.content else { return nil }
        var (pattern, replacement, types): (String?, String?, [String]?)
        for (key, value) in pairs {
            switch (key.text, value.content) {
            case ("pattern", .scalar(let text)) where !text.isEmpty: pattern = text
            case ("replacement", .scalar(let text)): replacement = text
            case ("types", .sequence(let nodes)):
                let names = nodes.compactMap(\.text)
                guard names.count == nodes.count, !names.isEmpty,
                    names.allSatisfy({ DiagnosisDataType(rawValue: $0).isValid })
                else { return nil }
                types = names
            default: return nil
            }
        }
        guard let pattern else { return nil }
        self = .own(pattern: pattern, replacement: replacement, types: types)
    }
}

extension AgentSettings {
    /// `redact`: what is taken out of contents before they are published, in the order of the list. Tries each expression out, which takes
    /// milliseconds.
    ///
    /// - Throws: `SettingsError` for an expression that can't be used.
    func redactionRules() throws(SettingsError) -> [RedactionRule] {
        let choices = values[\.redact]
        guard choices.count <= RedactionRule.most else {
            throw SettingsError(
                place: place(of: \.redact),
                reason: "there are \(choices.count) rules; \(RedactionRule.most) are allowed")
        }
        var rules: [RedactionRule] = []
        for (index, choice) in choices.enumerated() {
            switch choice {
            case .named(let name): rules += RedactionRule.named(name) ?? []
            case .own(let pattern, let replacement, let types):
                do throws(RedactionProblem) {
                    rules.append(
                        try RedactionRule(
                            name: "rule-\(index + 1)", pattern: pattern,
                            replacement: replacement ?? RedactionRule.defaultReplacement,
                            types: types.map { Set($0.map { DiagnosisDataType(rawValue: $0) }) }))
                } catch {
                    throw SettingsError(
                        place: place(of: \.redact), reason: "redact: the pattern '\(pattern)' can't be used: \(error)")
                }
            }
        }
        return rules
    }
}

extension YAMLNode {
    /// The JSON that means the same; `nil` for what is no mapping.
    var mappingJSON: String? {
        if case .mapping = content { json } else { nil }
    }

    /// Of a scalar a text.
    private var json: String {
        switch content {
        case .scalar(let text): "\"\(Self.escaped(text))\""
        case .sequence(let nodes): "[\(nodes.map(\.json).joined(separator: ","))]"
        case .mapping(let pairs): "{\(pairs.map { "\($0.key.json):\($0.value.json)" }.joined(separator: ","))}"
        }
    }

    private static func escaped(_ text: String) -> String {
        var json: [UInt8] = []
        MetricJSON.appendContent(text[...].utf8, to: &json)
        return String(decoding: json, as: UTF8.self)
    }
}
