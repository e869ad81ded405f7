internal import YAML

/// Reads a YAML file of profiles, strictly: every key must be known and every value valid.
struct ProfileFile {
    let text: String
    /// The file's name, for errors.
    let name: String

    private static let mostProfiles = 100
    private static let mostPatterns = 200

    func profiles() throws(ProfileError) -> [ProgressProfile] {
        let root: YAMLNode?
        do throws(YAMLProblem) {
            root = try YAMLDocument.root(of: text)
        } catch {
            throw ProfileError(place: name, reason: "not YAML: \(error)")
        }
        guard let root else { return [] }
        var profiles: [ProgressProfile] = []
        for (key, value) in try mapping(root, "the file") {
            guard key.text == "profiles" else { throw unknown(key, "the file", ["profiles"]) }
            for entry in try items(value, "profiles", most: Self.mostProfiles) {
                let profile = try self.profile(entry)
                guard !profiles.contains(where: { $0.name == profile.name }) else {
                    throw error(entry, "the profile '\(profile.name)' is defined twice")
                }
                profiles.append(profile)
            }
        }
        return profiles
    }

    private func profile(_ node: YAMLNode) throws(ProfileError) -> ProgressProfile {
        var profile = ProgressProfile(name: "", patterns: [])
        for (key, value) in try mapping(node, "a profile") {
            switch key.text {
            case "name": profile.name = try string(value, "name")
            case "common": profile.isCommon = try toggle(value, "common")
            case "patterns":
                for entry in try items(value, "patterns", most: Self.mostPatterns) {
                    profile.patterns.append(try pattern(entry))
                }
            default: throw unknown(key, "a profile", ["name", "common", "patterns"])
            }
        }
        guard !profile.name.isEmpty, profile.name.utf8.count <= 64 else {
            throw error(node, "a profile needs a name of at most 64 bytes")
        }
        guard !profile.patterns.isEmpty else { throw error(node, "the profile '\(profile.name)' needs patterns") }
        return profile
    }

    private func pattern(_ node: YAMLNode) throws(ProfileError) -> ProgressPattern {
        var (event, line, fields, example, ignoresCase): (ProgressEvent?, YAMLNode?, [YAMLNode], String?, Bool) =
            (nil, nil, [], nil, false)
        for (key, value) in try mapping(node, "a pattern") {
            switch key.text {
            case "event":
                event = value.text.flatMap { ProgressEvent(rawValue: $0) }
                guard event != nil else {
                    let allowed = ProgressEvent.allCases.map(\.rawValue).joined(separator: ", ")
                    throw error(value, "event is '\(value.text ?? "")'; it must be one of \(allowed)")
                }
            case "line": line = value
            case "fields": fields = try items(value, "fields", most: 20)
            case "example": example = try string(value, "example")
            case "ignore-case": ignoresCase = try toggle(value, "ignore-case")
            default: throw unknown(key, "a pattern", ["event", "line", "fields", "example", "ignore-case"])
            }
        }
        guard let event, let line, let example else { throw error(node, "a pattern needs event, line and example") }
        var pattern = ProgressPattern(
            event: event, line: try template(line, "line", ignoresCase), example: example, ignoresCase: ignoresCase)
        for field in fields { pattern.fields.append(try template(field, "fields", ignoresCase)) }
        guard pattern.line.key != nil else {
            throw error(
                line,
                "line must have a text of \(FieldTemplate.shortestKey) bytes or more between its fields and spaces: by that "
                    + "such lines are found")
        }
        guard event != .step || pattern.line.fields.contains(.step) || pattern.line.fields.contains(.epoch) else {
            throw error(line, "line of a step must have {step} or {epoch}")
        }
        guard Array(example.utf8).withUnsafeBytes({ pattern.reading(of: $0) }) != nil else {
            throw error(line, "line does not fit its example: \(example)")
        }
        return pattern
    }

    private func template(_ node: YAMLNode, _ key: String, _ ignoresCase: Bool) throws(ProfileError) -> FieldTemplate {
        let text = try string(node, key)
        do throws(FieldTemplateError) {
            return try FieldTemplate(text, ignoresCase: ignoresCase)
        } catch {
            throw self.error(node, "\(key) is '\(text)': \(error.reason)")
        }
    }

    private func mapping(_ node: YAMLNode, _ what: String) throws(ProfileError) -> [(key: YAMLNode, value: YAMLNode)] {
        guard case .mapping(let mapping) = node.content else { throw error(node, "\(what) must be a mapping") }
        var seen: Set<String> = []
        for (key, _) in mapping where !seen.insert(key.text ?? "").inserted {
            throw error(key, "\(key.text ?? "") is given twice")
        }
        return mapping.map { (key: $0.key, value: $0.value) }
    }

    private func items(_ node: YAMLNode, _ key: String, most: Int) throws(ProfileError) -> [YAMLNode] {
        guard case .sequence(let items) = node.content, items.count <= most else {
            throw error(node, "\(key) must be a list of at most \(most)")
        }
        return items
    }

    private func string(_ node: YAMLNode, _ key: String) throws(ProfileError) -> String {
        guard let text = node.text, !text.isEmpty, text.utf8.count <= FieldTemplate.reach else {
            throw error(node, "\(key) must be a text of 1 to \(FieldTemplate.reach) bytes")
        }
        return text
    }

    private func toggle(_ node: YAMLNode, _ key: String) throws(ProfileError) -> Bool {
        guard let value = node.text.flatMap({ Bool($0) }) else { throw error(node, "\(key) must be true or false") }
        return value
    }

    private func unknown(_ key: YAMLNode, _ what: String, _ allowed: [String]) -> ProfileError {
        error(key, "unknown key '\(key.text ?? "")'; allowed in \(what) are \(allowed.joined(separator: ", "))")
    }

    private func error(_ node: YAMLNode, _ reason: String) -> ProfileError {
        ProfileError(place: "\(name):\(node.line)", reason: reason)
    }
}

/// Why a file of profiles can't be used.
package struct ProfileError: Error, Hashable, CustomStringConvertible {
    /// The file, and the line if there is one.
    package let place: String
    /// What is wrong, and what is allowed.
    package let reason: String

    package var description: String { "\(place): \(reason)" }
}
