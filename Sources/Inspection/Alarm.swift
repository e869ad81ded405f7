/// Something that a process of ours says needs an operator: the gauge `arobust_alarm` with the value 1.
public struct Alarm: Hashable, Sendable, Codable {
    /// What it is, as the gauge names it: `xpu_timer_scrape`.
    public var name: String
    /// What it concerns, such as a URL.
    public var source: String
    /// One word for why.
    public var reason: String
    /// When it began, in seconds since 1970, as far as that is known.
    public var since: Int64?
    /// Which command raised it: `agent`, `collect`, `bridge`.
    public var command: String

    /// What an operator reads.
    var sentence: String {
        let time = since.map { " since \(MomentText.write($0))" } ?? ""
        let why = reason.isEmpty ? "" : " (\(HumanText.line(reason)))"
        let source = HumanText.line(source)
        return switch name {
        case "xpu_timer_scrape": "XPU timer metrics of \(source): no page of use\(time)\(why)"
        default: "\(HumanText.line(name)) of \(source)\(time)\(why)"
        }
    }
}
