internal import Glibc
internal import SystemSupport

/// inotify: says in which folders and files something has changed. Its descriptors live as long as the object.
final class FolderWatcher: Sendable {
    struct Event {
        let watch: CInt
        let mask: UInt32
        /// The name in the folder; empty for the watched file or folder itself.
        let name: String

        func has(_ bits: CInt...) -> Bool { bits.contains { mask & UInt32(bitPattern: $0) != 0 } }
        /// Whether a new name may stand in the folder.
        var isArrival: Bool { has(IN_CREATE, IN_MOVED_TO, IN_ATTRIB) }
        var isFolder: Bool { mask & 0x4000_0000 != 0 }
        /// The watch is gone: its file or folder was deleted, or unmounted.
        var isEnd: Bool { has(IN_IGNORED) }
        /// The kernel's queue was full: events are missing.
        var isOverflow: Bool { has(IN_Q_OVERFLOW) }
    }

    /// What is written within this time after a wake-up is one wake-up more: at most 20 a second.
    static let pause: CInt = 50

    private let descriptor: CInt
    /// Ends the thread: a pipe.
    private let stopReader: CInt
    private let stopWriter: CInt

    /// - Throws: `SystemCallError`, `.tooManyOpenFiles` where this user has as many as are allowed (`fs.inotify.max_user_instances`).
    init() throws(SystemCallError) {
        let descriptor = inotify_init1(O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemCallError("inotify_init1") }
        var ends: [CInt] = [0, 0]
        guard pipe(&ends) == 0 else {
            let error = SystemCallError("pipe")
            close(descriptor)
            throw error
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        self.descriptor = descriptor
        stopReader = ends[0]
        stopWriter = ends[1]
    }

    deinit {
        close(descriptor)
        close(stopReader)
        close(stopWriter)
    }

    /// Watches a folder and the files in it.
    func watch(folder: String) throws(SystemCallError) -> CInt {
        let mask =
            IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
        return try SystemCallError.retrying("watch", path: folder) {
            inotify_add_watch(descriptor, folder, UInt32(bitPattern: mask) | 0x0100_0000)
        }
    }

    /// Watches a file whatever its names are, for one that has several.
    func watch(file: String) throws(SystemCallError) -> CInt {
        try SystemCallError.retrying("watch", path: file) {
            inotify_add_watch(
                descriptor, file, UInt32(bitPattern: IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF))
        }
    }

    func end(_ watch: CInt) {
        // It fails only where the watch has ended by itself.
        _ = inotify_rm_watch(descriptor, watch)
    }

    /// What has happened since the last call. Never waits; takes at most 1 MiB.
    func events() -> [Event] {
        var events: [Event] = []
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { buffer in
            for _ in 0..<16 {
                let count = read(descriptor, buffer.baseAddress, buffer.count)
                guard count > 0 else { return }
                var offset = 0
                while offset + 16 <= count {
                    let length = Int(buffer.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
                    let name = buffer[(offset + 16)..<(offset + 16 + length)].prefix { $0 != 0 }
                    events.append(
                        Event(
                            watch: buffer.loadUnaligned(fromByteOffset: offset, as: CInt.self),
                            mask: buffer.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self),
                            name: String(decoding: name, as: UTF8.self)))
                    offset += 16 + length
                }
            }
        }
        return events
    }

    /// Wakes whenever there are events, until the task is cancelled. They stay for `events()`.
    func run(waking signal: WakeSignal) async {
        try? await PinnedThread.run(name: "arobust-watch", onCancel: { _ = write(self.stopWriter, "x", 1) }) {
            while true {
                guard self.wait(for: [self.descriptor, self.stopReader], milliseconds: -1) != self.stopReader else {
                    break
                }
                signal.wake()
                guard self.wait(for: [self.stopReader], milliseconds: Self.pause) == nil else { break }
            }
            // So that it can be run again.
            var byte: UInt8 = 0
            _ = read(self.stopReader, &byte, 1)
        }
    }

    /// - Returns: the last of the descriptors that has something to read; `nil` if none has in time.
    private func wait(for descriptors: [CInt], milliseconds: CInt) -> CInt? {
        var polls = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&polls, nfds_t(polls.count), milliseconds) > 0 else { return nil }
        return polls.last { $0.revents != 0 }?.fd
    }
}

/// What kinds of file systems the folders are on (`/proc/self/mountinfo`).
struct MountTable {
    /// Where the kernel sees every change itself, so that inotify tells all.
    private static let local: Set<String> = [
        "ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "ramfs", "zfs", "f2fs", "bcachefs", "jfs", "reiserfs",
        "overlay", "nilfs2",
    ]

    private var mounts: [(point: String, type: String)] = []

    init() {
        guard let stream = fopen("/proc/self/mountinfo", "re") else { return }
        defer { fclose(stream) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while getline(&line, &capacity, stream) > 0, let text = line.map({ String(cString: $0) }) {
            let words = text.split(separator: " ")
            guard words.count > 6, let dash = words.firstIndex(of: "-"), dash + 1 < words.count else { continue }
            mounts.append((Self.unescaped(words[4]), String(words[dash + 1])))
        }
    }

    init(mounts: [(point: String, type: String)]) {
        self.mounts = mounts
    }

    /// The type of the file system that the path without links is on; the last mount over a folder counts.
    func type(of path: String) -> String? {
        var best: (length: Int, type: String)?
        for (point, type) in mounts where point == "/" || path == point || path.hasPrefix(point + "/") {
            if point.utf8.count >= best?.length ?? 0 { best = (point.utf8.count, type) }
        }
        return best?.type
    }

    /// `true` as well where it is unknown: what inotify misses is found by the looks in between.
    static func tellsAll(_ type: String?) -> Bool { type.map(local.contains) ?? true }
    /// A lower layer may be changed without the overlay's knowledge.
    static func needsPolling(_ type: String?) -> Bool { type == "overlay" || !tellsAll(type) }

    /// The kernel writes a space as `\040`.
    private static func unescaped(_ text: Substring) -> String {
        guard text.contains("\\") else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == 0x5C, rest.count >= 3,
                let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
