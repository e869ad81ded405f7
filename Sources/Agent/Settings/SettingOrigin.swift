/// Where a setting's value came from.
enum SettingOrigin: Hashable, Sendable, CustomStringConvertible {
    case standard
    case file(path: String, line: Int)
    case environment(String)
    case flag(String)

    /// The higher one wins.
    var strength: Int {
        switch self {
        case .standard: 0
        case .file: 1
        case .environment: 2
        case .flag: 3
        }
    }

    var description: String {
        switch self {
        case .standard: "default"
        case .file(let path, let line): "\(path):\(line)"
        case .environment(let name): "environment variable \(name)"
        case .flag(let name): name
        }
    }
}
