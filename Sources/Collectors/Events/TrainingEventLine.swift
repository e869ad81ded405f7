internal import Diagnosis
private import Glibc

/// Reads a line of DLRover's SDK (`dlrover/python/training_event/event.py`), in its text or its JSON:
///
///     [2026-11-28T22:27:01.716578] [23339] [02bc82ff] [AtorchTrainerV2] [#step] [BEGIN] {"global_step": 0}
///     {"pid": "23339", "event_id": "02bc82ff", "event_time": "2026-11-28T22:27:01.716578", "target": …, "event_type": "BEGIN", "content": {…}}
enum TrainingEventLine {
    /// What a line is.
    enum Reading: Equatable {
        case event(TrainingEvent)
        /// An event that no master of DLRover wants, or an empty line.
        case other
        /// It should have been an event.
        case unreadable
    }

    static func read(_ line: Substring) -> Reading {
        let line = line.drop { $0 == " " || $0 == "\t" }
        switch line.utf8.first {
        case nil: return .other
        case UInt8(ascii: "["): return readText(line)
        case UInt8(ascii: "{"): return readJSON(line)
        default: return .unreadable
        }
    }

    private static func readText(_ line: Substring) -> Reading {
        var fields: [Substring] = []
        var rest = line
        while fields.count < 6 {
            guard rest.utf8.first == UInt8(ascii: "["), let end = rest.firstIndex(of: "]") else { return .unreadable }
            fields.append(rest[rest.index(after: rest.startIndex)..<end])
            rest = rest[rest.index(after: end)...].drop { $0 == " " }
        }
        return event(time: fields[0], target: fields[3], name: fields[4], type: fields[5]) {
            step(in: value(rest))
        }
    }

    private static func readJSON(_ line: Substring) -> Reading {
        guard let value = value(line), let time = value["event_time"]?.string,
            let target = value["target"]?.string, let name = value["name"]?.string,
            let type = value["event_type"]?.string
        else { return .unreadable }
        return event(time: time[...], target: target[...], name: name[...], type: type[...]) {
            step(in: value["content"])
        }
    }

    private static func event(
        time: Substring, target: Substring, name: Substring, type: Substring, step: () -> Int64?
    ) -> Reading {
        guard let kind = TrainingEvent.Kind(rawValue: String(type)), TrainingEvent.targets.contains(String(target)),
            TrainingEvent.names.contains(String(name))
        else { return .other }
        guard let seconds = seconds(time), let step = step() else { return .unreadable }
        let event = TrainingEvent(
            timestamp: seconds, target: String(target), name: String(name), type: kind, step: step)
        return event.isTaken ? .event(event) : .unreadable
    }

    private static func step(in content: JSONValue?) -> Int64? {
        content?["global_step"]?.integer.map(Int64.init)
    }

    /// Python writes `NaN` and `Infinity`, for which JSON has no words, and a loss often is one: `null` takes their place.
    private static func value(_ text: Substring) -> JSONValue? {
        var plain: [UInt8] = []
        plain.reserveCapacity(text.utf8.count)
        var (isInString, isEscaped) = (false, false)
        var rest = Array(text.utf8)[...]
        while let byte = rest.first {
            if !isInString, byte == UInt8(ascii: "N") || byte == UInt8(ascii: "I") || byte == UInt8(ascii: "-"),
                let word = ["NaN", "Infinity", "-Infinity"].first(where: { rest.starts(with: $0.utf8) })
            {
                plain += "null".utf8
                rest = rest.dropFirst(word.utf8.count)
                continue
            }
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\"), isInString {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString.toggle()
            }
            plain.append(byte)
            rest = rest.dropFirst()
        }
        return JSONValue(plain)
    }

    /// Python's `isoformat()`: local time without a zone, as this process has it; or with `Z` or an offset.
    static func seconds(_ text: Substring) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 19, bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: " ") else { return nil }
        func number(_ range: Range<Int>) -> Int32? {
            bytes[range].allSatisfy { (0x30...0x39).contains($0) }
                ? Int32(String(decoding: bytes[range], as: UTF8.self)) : nil
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, month - 1, day)
        (parts.tm_hour, parts.tm_min, parts.tm_sec, parts.tm_isdst) = (hour, minute, second, -1)
        var rest = bytes[19...]
        if rest.first == UInt8(ascii: ".") { rest = rest.dropFirst().drop { (0x30...0x39).contains($0) } }
        guard let sign = rest.first else { return Int64(mktime(&parts)) }
        let utc = Int64(timegm(&parts))
        if sign == UInt8(ascii: "Z") { return rest.count == 1 ? utc : nil }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), rest.count >= 6,
            let hours = number(rest.startIndex + 1..<rest.startIndex + 3),
            let minutes = number(rest.startIndex + 4..<rest.startIndex + 6)
        else { return nil }
        let offset = Int64(hours) * 3600 + Int64(minutes) * 60
        return sign == UInt8(ascii: "+") ? utc - offset : utc + offset
    }
}
