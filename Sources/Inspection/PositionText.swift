public import Diagnosis

/// A lane's position as people write it, and as everything here shows it.
public enum PositionText {
    /// What can be read, for error texts.
    public static let rule = "EPOCH/SEQUENCE, such as 1795464000/12"

    public static func read(_ text: String) -> LanePosition? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let epoch = UInt64(parts[0]), let sequence = UInt64(parts[1]), epoch < .max,
            sequence < .max
        else { return nil }
        return LanePosition(epoch: epoch, sequence: sequence)
    }
}
