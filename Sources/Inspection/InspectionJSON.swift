private import Foundation

/// The form in which everything that is looked at is given to programs.
public enum InspectionJSON {
    /// The value as JSON over several lines, keys in order, without a newline at the end.
    public static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
