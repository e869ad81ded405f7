private import Diagnosis

/// What torch's `record` decorator writes when a rank fails:
/// `{"message": {"message": "ValueError: …", "extraInfo": {"py_callstack": …, "timestamp": "1795480093"}}}`.
struct ElasticErrorFile {
    let message: String
    /// Seconds since 1970.
    let time: Double?

    init?(_ bytes: [UInt8]) {
        guard let json = JSONValue(bytes), let message = json["message"] else { return nil }
        if let text = message.string {
            self.message = text
            time = nil
            return
        }
        guard let text = message["message"]?.string else { return nil }
        self.message = text
        let info = message["extraInfo"] ?? message["extra_info"]
        time = info?["timestamp"]?.integer.map(Double.init)
    }
}
