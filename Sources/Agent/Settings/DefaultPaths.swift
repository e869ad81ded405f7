private import Glibc

/// Where things are unless told otherwise.
enum DefaultPaths {
    /// `/var/lib/arobust` for root, `$XDG_STATE_HOME/arobust` (or `~/.local/state/arobust`) for others.
    static func stateDirectory(environment: [String: String]) -> String {
        if geteuid() == 0 { return "/var/lib/arobust" }
        if let home = environment["XDG_STATE_HOME"], home.hasPrefix("/") { return home + "/arobust" }
        return (environment["HOME"] ?? "/tmp") + "/.local/state/arobust"
    }
}
