private import Glibc
private import SystemSupport
private import YAML

/// Reads a YAML file of settings strictly: every key must be known, and every value allowed.
struct SettingsFile {
    let path: String

    /// - Throws: `SettingsError` naming the file and line.
    func read(into values: inout SettingValues) throws(SettingsError) {
        let text = try TextFile(path: path).read()
        let root: YAMLNode?
        do throws(YAMLProblem) {
            root = try YAMLDocument.root(of: text)
        } catch {
            throw SettingsError(place: path, reason: "not YAML: \(error)")
        }
        guard let root else { return }
        var seen: Set<String> = []
        try readMapping(root, prefix: "", &seen, into: &values)
    }

    /// - Parameter seen: the whole keys that there were before; `journal.size` and `size` under `journal` are the same one.
    private func readMapping(
        _ node: YAMLNode, prefix: String, _ seen: inout Set<String>, into values: inout SettingValues
    ) throws(SettingsError) {
        guard case .mapping(let mapping) = node.content else {
            throw error(at: node, "\(prefix.isEmpty ? "the file" : prefix) must be a mapping of settings")
        }
        for (keyNode, valueNode) in mapping {
            let key = prefix + (keyNode.text ?? "")
            guard seen.insert(key).inserted else { throw error(at: keyNode, "\(key) stands twice") }
            if key == SettingsCatalog.masters.key {
                try readMasters(valueNode, into: &values)
            } else if let setting = SettingsCatalog.definition(of: key) {
                values.set(setting, try readValue(valueNode, for: setting))
            } else if SettingsCatalog.all.contains(where: { $0.key.hasPrefix(key + ".") }) {
                try readMapping(valueNode, prefix: key + ".", &seen, into: &values)
            } else {
                throw error(at: keyNode, "unknown key '\(key)'; allowed here are \(allowedKeys(under: prefix))")
            }
        }
    }

    private func readMasters(_ node: YAMLNode, into values: inout SettingValues) throws(SettingsError) {
        guard case .sequence(let entries) = node.content else {
            throw error(at: node, "masters must be a list of URLs, or of mappings with a url")
        }
        for entry in entries { values.masters.append(try readMaster(entry)) }
    }

    private static let masterURL = SettingDefinition("url", SettingFormat.text, defaults: [], "a master's URL")

    private func readMaster(_ entry: YAMLNode) throws(SettingsError) -> SettingValues.MasterEntry {
        guard case .mapping(let mapping) = entry.content else {
            return SettingValues.MasterEntry(url: try readValue(entry, for: Self.masterURL))
        }
        var url: SettingValue?
        var options: [String: SettingValue] = [:]
        for (keyNode, valueNode) in mapping {
            let name = keyNode.text ?? ""
            if name == Self.masterURL.key {
                url = try readValue(valueNode, for: Self.masterURL)
            } else if let setting = SettingsCatalog.ofMasters.first(where: { $0.masterOption == name }) {
                options[name] = try readValue(valueNode, for: setting)
            } else {
                let names = [Self.masterURL.key] + SettingsCatalog.ofMasters.compactMap(\.masterOption)
                throw error(
                    at: keyNode, "unknown key '\(name)'; allowed for a master are \(names.joined(separator: ", "))")
            }
        }
        guard let url else { throw error(at: entry, "a master needs a url") }
        return SettingValues.MasterEntry(url: url, options: options)
    }

    private func readValue(_ node: YAMLNode, for setting: SettingDefinition) throws(SettingsError) -> SettingValue {
        let origin = SettingOrigin.file(path: path, line: node.line)
        var texts: [String] = []
        var items = [node]
        if setting.isList, case .sequence(let sequence) = node.content { items = sequence }
        for item in items {
            let text = item.text ?? (setting.takesMappings ? item.mappingJSON : nil)
            guard let text else { throw error(at: item, "\(setting.key) must be \(setting.rule)") }
            texts.append(text)
        }
        return try SettingValue(texts, for: setting, from: origin)
    }

    private func allowedKeys(under prefix: String) -> String {
        var names = prefix.isEmpty ? [SettingsCatalog.masters.key] : []
        for setting in SettingsCatalog.all where setting.key.hasPrefix(prefix) {
            let name = String(setting.key.dropFirst(prefix.count).prefix { $0 != "." })
            if !names.contains(name) { names.append(name) }
        }
        return names.sorted().joined(separator: ", ")
    }

    private func error(at node: YAMLNode, _ reason: String) -> SettingsError {
        SettingsError(place: "\(path):\(node.line)", reason: reason)
    }
}

/// A file of text that is read whole. Unlike `WholeFile` it waits for the writer of a pipe: `--config <(command)`.
struct TextFile {
    let path: String

    /// - Throws: `SettingsError` with the system's own words for what is wrong.
    func read() throws(SettingsError) -> String {
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try readBytes()
        } catch {
            throw SettingsError(place: path, reason: "the file cannot be read: \(error.reason)")
        }
        guard let text = ByteOrderMark.text(bytes) else {
            throw SettingsError(place: path, reason: "the file is \(ByteOrderMark.encoding(of: bytes))")
        }
        return text
    }

    private func readBytes() throws(SystemCallError) -> [UInt8] {
        let descriptor = try SystemCallError.retrying("open", path: path) { open(path, O_RDONLY | O_CLOEXEC) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = try SystemCallError.retrying("read", path: path) { Glibc.read(descriptor, &block, block.count) }
            if count == 0 { return bytes }
            bytes += block[..<count]
        }
    }
}
