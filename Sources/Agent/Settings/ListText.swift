private import Glibc
private import YAML

/// A list that stands in one text, as an environment variable has it.
enum ListText {
    /// The items: what commas and newlines separate, where no backslash stands before them; of a text that begins with `[`, those of the
    /// YAML or JSON list that it is. A text with a comma that is the path of an existing file is that file.
    ///
    /// - Throws: `SettingsError` for a `[` that begins no list of texts.
    static func items(of text: String, place: String) throws(SettingsError) -> [String] {
        if text.contains(","), access(text, F_OK) == 0 { return [text] }
        if text.drop(while: { $0 == " " }).first == "[" { return try sequence(text, place: place) }
        return split(text)
    }

    private static func sequence(_ text: String, place: String) throws(SettingsError) -> [String] {
        guard case .sequence(let nodes)? = try? YAMLDocument.root(of: text)?.content else {
            throw SettingsError(
                place: place, reason: "it begins with '[' but is not a list such as [\"a,b\", \"c\"]: '\(text)'")
        }
        var items: [String] = []
        for node in nodes {
            // What takes no mapping refuses its text.
            guard let item = node.text ?? node.mappingJSON else {
                throw SettingsError(place: place, reason: "each item of the list must be a text: '\(text)'")
            }
            items.append(item)
        }
        return items
    }

    private static func split(_ text: String) -> [String] {
        var items = [""]
        var isEscaped = false
        for character in text {
            if isEscaped {
                // Only a comma can be escaped; any other backslash is one.
                items[items.count - 1] += character == "," ? "," : "\\\(character)"
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "," || character.isNewline {
                items.append("")
            } else {
                items[items.count - 1].append(character)
            }
        }
        if isEscaped { items[items.count - 1] += "\\" }
        return items.filter { !$0.isEmpty }.map { String($0.drop { $0 == " " }) }
    }
}
