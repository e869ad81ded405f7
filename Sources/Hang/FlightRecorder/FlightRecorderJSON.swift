private import FoundationEssentials

/// Reads the JSON that PyTorch's worker server gives of its Flight Recorder (`fr_trace_json`, `dump_nccl_trace_json`).
enum FlightRecorderJSON {
    /// Like the pickle, but numbers of `pg_status` are texts, and there are no frames.
    static func value(of bytes: [UInt8]) throws(FlightRecorderError) -> PlainValue {
        do {
            return try JSONDecoder().decode(Document.self, from: Data(bytes)).value
        } catch let error as DecodingError {
            throw FlightRecorderError(reason: reason(error))
        } catch {
            throw FlightRecorderError(reason: "it is no JSON: \(error)")
        }
    }

    private static func reason(_ error: DecodingError) -> String {
        switch error {
        case .dataCorrupted: "it is no whole JSON"
        case .keyNotFound(let key, _): "it is no Flight Recorder dump: it has no '\(key.stringValue)'"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "it is no Flight Recorder dump: '\(context.codingPath.map(\.stringValue).joined(separator: "."))' is of another type"
        @unknown default: "it is no Flight Recorder dump"
        }
    }

    /// Typed, because finding out each value's type costs a hundred times as much.
    private struct Document: Decodable {
        let version: String?
        let pg_config: [String: Group]?
        let pg_status: [String: [String: NumberOrText]]?
        let entries: [Entry]?

        var value: PlainValue {
            var members: [PlainValue.Member] = []
            if let version { members.append(.init(key: "version", value: .string(version))) }
            if let pg_config {
                members.append(
                    .init(
                        key: "pg_config",
                        value: .dictionary(
                            pg_config.sorted { $0.key < $1.key }.map {
                                .init(key: $0.key, value: $0.value.value)
                            })))
            }
            if let pg_status {
                members.append(
                    .init(
                        key: "pg_status",
                        value: .dictionary(
                            pg_status.map { group in
                                .init(
                                    key: group.key,
                                    value: .dictionary(group.value.map { .init(key: $0.key, value: $0.value.value) }))
                            })))
            }
            if let entries { members.append(.init(key: "entries", value: .list(entries.map(\.value)))) }
            return .dictionary(members)
        }
    }

    private struct Group: Decodable {
        let desc: String?
        let ranks: String?

        var value: PlainValue {
            .dictionary([
                .init(key: "desc", value: .string(desc ?? "")), .init(key: "ranks", value: .string(ranks ?? "")),
            ])
        }
    }

    private struct NumberOrText: Decodable {
        let value: PlainValue

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                value = .string(text)
            } else {
                value = .int((try? container.decode(Int64.self)) ?? -1)
            }
        }
    }

    private struct Frame: Decodable {
        let name: String?
        let filename: String?
        let line: Int?
    }

    private struct Entry: Decodable {
        let pg_id: Int?
        let process_group: [String]?
        let collective_seq_id: Int?
        let p2p_seq_id: Int?
        let profiling_name: String?
        let time_created_ns: Int64?
        let input_sizes: [[Int64]]?
        let output_sizes: [[Int64]]?
        let input_dtypes: [String]?
        let state: String?
        let retired: Bool?
        let is_p2p: Bool?
        let frames: [Frame]?

        var value: PlainValue {
            var members: [PlainValue.Member] = []
            func add(_ key: String, _ value: PlainValue?) {
                if let value { members.append(.init(key: key, value: value)) }
            }
            func sizes(_ sizes: [[Int64]]?) -> PlainValue? {
                sizes.map { .list($0.map { .list($0.map { .int($0) }) }) }
            }
            add("pg_id", pg_id.map { .int(Int64($0)) })
            add("process_group", process_group.map { .list($0.map { .string($0) }) })
            add("collective_seq_id", collective_seq_id.map { .int(Int64($0)) })
            add("p2p_seq_id", p2p_seq_id.map { .int(Int64($0)) })
            add("profiling_name", profiling_name.map { .string($0) })
            add("time_created_ns", time_created_ns.map { .int($0) })
            add("input_sizes", sizes(input_sizes))
            add("output_sizes", sizes(output_sizes))
            add("input_dtypes", input_dtypes.map { .list($0.map { .string($0) }) })
            add("state", state.map { .string($0) })
            add("retired", retired.map { .bool($0) })
            add("is_p2p", is_p2p.map { .bool($0) })
            add(
                "frames",
                frames.map {
                    .list(
                        $0.map { frame in
                            .dictionary([
                                .init(key: "filename", value: .string(frame.filename ?? "")),
                                .init(key: "line", value: .int(Int64(frame.line ?? 0))),
                            ])
                        })
                })
            return .dictionary(members)
        }
    }
}
