private import Glibc
private import Yams

/// Reads a YAML file of settings strictly: every key must be known, every value of its kind.
struct SettingsFile {
    let path: String

    /// - Throws: `SettingsError` naming the file and line.
    func read(into values: inout SettingValues) throws(SettingsError) {
        let text = try TextFile(path: path).read()
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw SettingsError(place: path, reason: "not YAML: \(error)")
        }
        guard let root else { return }
        try readMapping(root, prefix: "", into: &values)
    }

    private func readMapping(_ node: Node, prefix: String, into values: inout SettingValues) throws(SettingsError) {
        guard case .mapping(let mapping) = node else {
            throw error(at: node, "\(prefix.isEmpty ? "the file" : prefix) must be a mapping of settings")
        }
        var seen: Set<String> = []
        for (keyNode, valueNode) in mapping {
            let key = prefix + (keyNode.string ?? "")
            guard seen.insert(key).inserted else { throw error(at: keyNode, "\(key) stands twice") }
            if key == "masters" {
                try readMasters(valueNode, into: &values)
            } else if let definition = SettingsCatalog.definition(of: key) {
                values.set(key, try readValue(valueNode, for: definition))
            } else if SettingsCatalog.all.contains(where: { $0.key.hasPrefix(key + ".") }) {
                try readMapping(valueNode, prefix: key + ".", into: &values)
            } else {
                throw error(at: keyNode, "unknown key '\(key)'; allowed here are \(allowedKeys(under: prefix))")
            }
        }
    }

    private func readMasters(_ node: Node, into values: inout SettingValues) throws(SettingsError) {
        guard case .sequence(let entries) = node else {
            throw error(at: node, "masters must be a list of URLs, or of mappings with a url")
        }
        for entry in entries { values.addMaster(try readMaster(entry)) }
    }

    private func readMaster(_ entry: Node) throws(SettingsError) -> SettingValues.MasterEntry {
        let urlDefinition = SettingDefinition("url", .text, "a master's URL")
        guard case .mapping(let mapping) = entry else {
            return SettingValues.MasterEntry(url: try readValue(entry, for: urlDefinition), options: [:])
        }
        var url: SettingValue?
        var options: [String: SettingValue] = [:]
        for (keyNode, valueNode) in mapping {
            let name = keyNode.string ?? ""
            if name == "url" {
                url = try readValue(valueNode, for: urlDefinition)
            } else if let definition = MasterOption.definition(of: name) {
                options[name] = try readValue(valueNode, for: definition)
            } else {
                let allowed = (["url"] + MasterOption.names).joined(separator: ", ")
                throw error(at: keyNode, "unknown key '\(name)'; allowed for a master are \(allowed)")
            }
        }
        guard let url else { throw error(at: entry, "a master needs a url") }
        return SettingValues.MasterEntry(url: url, options: options)
    }

    private func readValue(_ node: Node, for definition: SettingDefinition) throws(SettingsError) -> SettingValue {
        let origin = SettingOrigin.file(path: path, line: node.mark?.line ?? 0)
        if case .sequence(let items) = node, case .list = definition.kind {
            var texts: [String] = []
            for item in items {
                guard case .scalar(let scalar) = item else {
                    throw error(at: item, "\(definition.key) must be \(definition.kind.rule)")
                }
                texts.append(scalar.string)
            }
            return try SettingValue(texts, for: definition, from: origin)
        }
        guard case .scalar(let scalar) = node else {
            throw error(at: node, "\(definition.key) must be \(definition.kind.rule)")
        }
        return try SettingValue([scalar.string], for: definition, from: origin)
    }

    private func allowedKeys(under prefix: String) -> String {
        var names: [String] = prefix.isEmpty ? ["masters"] : []
        for definition in SettingsCatalog.all where definition.key.hasPrefix(prefix) {
            let name = String(definition.key.dropFirst(prefix.count).prefix { $0 != "." })
            if !names.contains(name) { names.append(name) }
        }
        return names.sorted().joined(separator: ", ")
    }

    private func error(at node: Node, _ reason: String) -> SettingsError {
        SettingsError(place: "\(path):\(node.mark?.line ?? 0)", reason: reason)
    }
}

/// A file of text that is read whole.
struct TextFile {
    let path: String

    /// - Throws: `SettingsError` with the system's own word for what is wrong.
    func read() throws(SettingsError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &block, block.count)
            if count == 0 { break }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(errno) }
            bytes += block[..<count]
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingsError(place: path, reason: "the file is not UTF-8")
        }
        return text
    }

    private func failure(_ code: Int32) -> SettingsError {
        SettingsError(place: path, reason: "the file cannot be read: \(String(cString: strerror(code)))")
    }
}
