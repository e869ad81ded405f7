private import Glibc

/// Where things are unless told otherwise.
enum DefaultPaths {
    /// `/var/lib/arobust` for root, `$XDG_STATE_HOME/arobust` (or `~/.local/state/arobust`) for others.
    ///
    /// - Returns: `nil` if neither variable is set: a place that all users share could be taken by any of them.
    static func stateDirectory(environment: [String: String], isRoot: Bool = geteuid() == 0) -> String? {
        if isRoot { return "/var/lib/arobust" }
        if let home = environment["XDG_STATE_HOME"], home.hasPrefix("/") { return home + "/arobust" }
        if let home = environment["HOME"], home.hasPrefix("/") { return home + "/.local/state/arobust" }
        return nil
    }
}
