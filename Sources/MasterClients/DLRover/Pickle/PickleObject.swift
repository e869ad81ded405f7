/// An instance of one of DLRover's classes.
struct PickleObject: Hashable, Sendable {
    var type: PickleClass
    /// The attributes that the pickle sets. A newer DLRover may set more than `PickleClass.fields` lists.
    var fields: [String: PickleValue]

    func bool(_ name: String) -> Bool? {
        if case .bool(let value) = fields[name] { value } else { nil }
    }

    func int(_ name: String) -> Int? {
        if case .int(let value) = fields[name] { value } else { nil }
    }

    func string(_ name: String) -> String? {
        if case .string(let value) = fields[name] { value } else { nil }
    }

    func bytes(_ name: String) -> [UInt8]? {
        if case .bytes(let value) = fields[name] { value } else { nil }
    }
}
