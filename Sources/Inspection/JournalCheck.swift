public import Diagnosis

/// What the check of a whole journal has found.
public struct JournalCheck: Hashable, Sendable, Encodable {
    public struct Lane: Hashable, Sendable, Encodable {
        public var dataType: DiagnosisDataType
        public var records = 0
        /// Envelopes that could be read.
        public var count: UInt64 = 0
        public var bytes = 0

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case records, count, bytes
        }
    }

    public var directory: String
    public var lanes: [Lane] = []
    /// Damage.
    public var problems: [String] = []
    /// What is worth knowing and no damage.
    public var notes: [String] = []

    public var isWhole: Bool { problems.isEmpty }

    public var lines: [String] {
        var lines: [String] = []
        if !lanes.isEmpty {
            var table = TextTable([.text("LANE"), .number("RECORDS"), .number("COUNT"), .number("BYTES")])
            for lane in lanes {
                table.add([
                    HumanText.line(lane.dataType.rawValue), "\(lane.records)", "\(lane.count)",
                    HumanText.bytes(lane.bytes),
                ])
            }
            lines = table.lines()
        }
        lines += notes.map { "note: \(HumanText.line($0))" }
        lines += problems.map { "DAMAGED: \(HumanText.line($0))" }
        lines.append(
            isWhole
                ? "\(HumanText.line(directory)) is whole"
                : "\(HumanText.line(directory)) is DAMAGED: \(HumanText.count(UInt64(problems.count), "problem"))")
        return lines
    }
}
