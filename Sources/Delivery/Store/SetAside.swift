private import Diagnosis
private import Glibc

/// Moves a database out of the way, with what SQLite keeps beside it.
enum SetAside {
    /// - Returns: the new path.
    static func move(database path: String) throws(SystemFailure) -> String {
        let stem = "\(path).corrupt-\(WallClock.seconds())"
        var newPath = stem
        var number = 1
        while access(newPath, F_OK) == 0 {
            number += 1
            newPath = "\(stem)-\(number)"
        }
        for suffix in ["-wal", "-shm", ""] {
            guard rename(path + suffix, newPath + suffix) == 0 || errno == ENOENT else { throw SystemFailure("rename") }
        }
        return newPath
    }
}
