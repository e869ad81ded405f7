/// Where a setting's value came from.
enum SettingOrigin: Hashable, Sendable, CustomStringConvertible {
    case standard
    case file(path: String, line: Int)
    case environment(String)
    case flag(String)

    var description: String {
        switch self {
        case .standard: "default"
        case .file(let path, let line): "\(path):\(line)"
        case .environment(let name): "environment variable \(name)"
        case .flag(let name): name
        }
    }
}
