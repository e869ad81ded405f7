internal import Diagnosis

/// The stacks in the form of speedscope.app (`https://www.speedscope.app/file-format-schema.json`): a profile a group, each rank one sample.
package struct SpeedscopeFile {
    private let groups: [StackGroup]

    package init(_ groups: [StackGroup]) {
        self.groups = groups
    }

    package var json: [UInt8] {
        var numbers: [StackFrame: Int] = [:]
        var frames: [JSONValue] = []
        let profiles = groups.map { group in
            let stack = group.frames.reversed().map { frame -> JSONValue in
                if let number = numbers[frame] { return .int(Int64(number)) }
                numbers[frame] = frames.count
                var members: [String: JSONValue] = ["name": .string(frame.function)]
                if !frame.file.isEmpty { members["file"] = .string(frame.file) }
                if frame.line > 0 { members["line"] = .int(Int64(frame.line)) }
                frames.append(.object(members))
                return .int(Int64(frames.count - 1))
            }
            let remarks = group.remarks.isEmpty ? "" : " (\(group.remarks.joined(separator: ", ")))"
            return JSONValue.object([
                "type": .string("sampled"), "name": .string(group.ranks.title + remarks), "unit": .string("none"),
                "startValue": .int(0), "endValue": .int(Int64(group.ranks.count)),
                "samples": .array([.array(stack)]), "weights": .array([.int(Int64(group.ranks.count))]),
            ])
        }
        let file = JSONValue.object([
            "$schema": .string("https://www.speedscope.app/file-format-schema.json"),
            "shared": .object(["frames": .array(frames)]), "profiles": .array(profiles),
            "name": .string("arobust hang"),
            "exporter": .string("arobust"), "activeProfileIndex": .int(0),
        ])
        return Array((file.text ?? "{}").utf8)
    }
}
