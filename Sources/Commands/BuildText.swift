private import CBuildInfo
private import Diagnosis

/// What `arobust --version` says: `0.1.0 (commit 48330aa9d2c1, release build)`.
enum BuildText {
    static var version: String { "\(ProductVersion.text) (commit \(commit), \(kind) build)" }

    /// With `+` where the sources had changes that were not committed.
    static var commit: String { String(cString: arobust_commit()) }

    private static var kind: String {
        #if DEBUG
            "debug"
        #else
            "release"
        #endif
    }
}
