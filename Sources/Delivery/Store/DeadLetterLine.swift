private import Diagnosis
private import Foundation

/// A dead letter as a line of the file: one JSON object, with the metric as it was.
enum DeadLetterLine {
    static func write(_ letter: DeadLetter) -> [UInt8] {
        let batch = letter.batch
        guard let entry = batch.entries.first else { return [] }
        var line = [UInt8](
            """
            {"time":"\(TimeText.write(letter.time))","reason":\(quoted(letter.reason)),\
            "publisher":"\(batch.lane.publisher)","data_type":\(quoted(batch.lane.dataType.rawValue)),\
            "epoch":\(batch.epoch),"sequence":\(entry.sequence),"metric":
            """.utf8)
        line += metric(Array(batch.body(of: entry)))
        line += "}\n".utf8
        return line
    }

    /// The body itself if it is a JSON object, or else a string of it.
    private static func metric(_ body: [UInt8]) -> [UInt8] {
        guard let text = String(validating: body, as: UTF8.self), body.first == UInt8(ascii: "{"),
            !body.contains(0), (try? JSONSerialization.jsonObject(with: Data(body))) is [String: Any]
        else { return Array(quoted(String(decoding: body, as: UTF8.self)).utf8) }
        // In valid JSON a line's end can only stand between the values.
        return text.utf8.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
    }

    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        // A string always encodes.
        return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}
