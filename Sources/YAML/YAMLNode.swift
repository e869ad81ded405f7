/// A value in a YAML document, and where it stands. What a scalar means is for its reader to say: here it is a text.
package struct YAMLNode: Sendable {
    package enum Content: Sendable {
        /// The text, without quotes.
        case scalar(String)
        case sequence([YAMLNode])
        /// In the order of the document. No text is a key twice.
        case mapping([(key: YAMLNode, value: YAMLNode)])
    }

    package let content: Content
    /// From 1. A value that stands for an alias is where its anchor is.
    package let line: Int

    /// The text of a scalar.
    package var text: String? {
        if case .scalar(let text) = content { text } else { nil }
    }
}
