private import SystemPackage
private import SystemSupport

/// Which process reports for a named consumer, as the lock of its files tells. The files themselves are not opened.
package struct ConsumerHolder: Hashable, Sendable {
    package let consumer: String
    /// What its lock says of the process, `pid 71`; `nil` if none has the files open.
    package let process: String?

    package init(consumer: String, process: String?) {
        self.consumer = consumer
        self.process = process
    }

    package var isThere: Bool { process != nil }

    /// Whether the process was stopped with a signal, as far as this process can see it: in another container it can't.
    package var isStopped: Bool {
        guard let words = process?.split(separator: " "), words.count > 1, words[0] == "pid", let pid = Int32(words[1]),
            let bytes = try? WholeFile(path: "/proc/\(pid)/stat").read(limit: 4096)
        else { return false }
        // The name before the state is in parentheses, and may have some itself.
        let rest = String(decoding: bytes, as: UTF8.self).split(separator: ")", omittingEmptySubsequences: false).last
        return rest?.split(separator: " ").first == "T"
    }

    /// Those of all consumers that have files in a directory, by name.
    ///
    /// - Parameters:
    ///   - directory: none is there before the first consumer was.
    ///   - owner: another user whose directory it may be.
    /// - Throws: `SystemCallError` if the directory or a lock can't be read; `TrustedPathError` if others could put something there.
    package static func all(
        inDirectory directory: String, alsoOf owner: UInt32? = nil
    ) throws -> [String: ConsumerHolder] {
        try ConsumerFiles.check(directory, alsoOf: owner)
        let names: [String]
        do throws(SystemCallError) {
            names = try Directory(path: directory).names()
        } catch {
            if error.code == .noSuchFileOrDirectory { return [:] }
            throw error
        }
        var holders: [String: ConsumerHolder] = [:]
        for name in names {
            guard let files = ConsumerFiles(directory: directory, databaseName: name) else { continue }
            let (lock, holder) = try ConsumerLock.acquire(files.lock, consumer: nil, alsoOf: owner)
            let consumer = holder.consumer.isEmpty ? files.stem : holder.consumer
            holders[consumer] = ConsumerHolder(consumer: consumer, process: lock == nil ? holder.process : nil)
        }
        return holders
    }
}
