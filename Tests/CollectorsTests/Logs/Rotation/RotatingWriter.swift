import Glibc
import TestSupport

/// A program that writes numbered lines, and whoever rotates its log: knows which lines there must be.
struct RotatingWriter {
    /// How the writer opened its log.
    enum Mode: CaseIterable {
        /// With `O_APPEND`.
        case appending
        /// As a shell's `>`: it goes on at its own place after a truncation, and leaves a hole.
        case seeking
    }

    let folder = ScratchFolder()
    let mode: Mode
    let name = "train.log"
    /// Stands at the start of every file; empty, if files begin in different ways.
    let banner: String
    /// All lines, in the order in which they were written. A line that a rotation cut is two.
    private(set) var lines: [String] = []
    private(set) var unfinished = ""
    /// How long a file's first line is, which tells it from the others. A clock that is set back can be seen through only with a long one.
    var firstLine = 20
    private var descriptor: CInt = -1
    private var serial = 0
    private var rotations = 0
    /// How far the clock by which files are stamped is ahead, in seconds: it is set now and then.
    private var clockError = 0
    var isClockSet: Bool { clockError != 0 }

    init(mode: Mode, banner: String) {
        self.mode = mode
        self.banner = banner
    }

    var path: String { folder.file(name) }
    /// Whether something stands in the file.
    var hasContent: Bool { descriptor >= 0 && size(of: path) > 0 }

    mutating func writeLines(_ count: Int, padding: Int) {
        for _ in 0..<count {
            begin()
            finishLine(String(repeating: "x", count: padding))
        }
    }

    /// Somebody sets the clock.
    mutating func setClock(by seconds: Int) {
        clockError += seconds
    }

    /// Begins a line, or goes on with one.
    mutating func writePart() {
        begin()
        put("part \(nextSerial())é ")
    }

    mutating func finishLine(_ text: String = "") {
        begin()
        put("line \(nextSerial()) \(text)\n")
    }

    /// Leaves a hole between two lines, as a program that seeks ahead.
    mutating func writeHole(_ bytes: Int) {
        guard hasContent else { return }
        closeLine()
        if mode == .seeking {
            lseek(descriptor, off_t(bytes), SEEK_CUR)
        } else {
            ftruncate(descriptor, off_t(size(of: path) + bytes))
        }
        writeLines(1, padding: 3)
    }

    /// `logrotate create`, numbered: `train.log.1` is the newest.
    mutating func rename() {
        guard hasContent else { return }
        shift()
        folder.rename(name, to: "\(name).1")
        close()
    }

    mutating func copyTruncate() {
        guard hasContent else { return }
        shift()
        copy(path, to: folder.file("\(name).1"))
        folder.truncate(name)
        closeLine()
    }

    /// `logrotate compress`: the newest of the rotated files that is not compressed, or an older one with `delaycompress`.
    func compress(delayed: Bool) {
        let path = folder.file("\(name).\(delayed ? 2 : 1)")
        if access(path, F_OK) == 0 { system("gzip -f \(path)") }
    }

    /// A synchronising tool puts a longer copy in the place of the file.
    mutating func replaceByLongerCopy() {
        guard hasContent else { return }
        copy(path, to: folder.file(".\(name).tmp"))
        folder.rename(".\(name).tmp", to: name)
        let place = lseek(descriptor, 0, SEEK_CUR)
        Glibc.close(descriptor)
        open()
        lseek(descriptor, place, SEEK_SET)
        writeLines(1, padding: 5)
    }

    /// Removes the log.
    mutating func remove() {
        guard hasContent else { return }
        unlink(path)
        close()
    }

    mutating func close() {
        closeLine()
        Glibc.close(descriptor)
        descriptor = -1
    }

    private mutating func shift() {
        rotations += 1
        for number in stride(from: rotations, to: 0, by: -1) {
            for ending in ["", ".gz"] where access(folder.file("\(name).\(number)\(ending)"), F_OK) == 0 {
                folder.rename("\(name).\(number)\(ending)", to: "\(name).\(number + 1)\(ending)")
            }
        }
    }

    private mutating func closeLine() {
        if !unfinished.isEmpty { lines.append(unfinished) }
        unfinished = ""
    }

    private mutating func begin() {
        if descriptor < 0 { open() }
        if size(of: path) == 0 {
            // In one write: what begins a file tells it from the others.
            put(banner + "file \(nextSerial()) \(String(repeating: "=", count: firstLine))\n")
        }
    }

    private mutating func open() {
        let flags = O_WRONLY | O_CREAT | (mode == .appending ? O_APPEND : 0)
        descriptor = Glibc.open(path, flags, 0o644)
        precondition(descriptor >= 0)
    }

    private mutating func put(_ text: String) {
        let bytes = Array(text.utf8)
        precondition(write(descriptor, bytes, bytes.count) == bytes.count)
        stamp(descriptor)
        var parts = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        parts[0] = unfinished + parts[0]
        unfinished = parts.removeLast()
        lines += parts
    }

    /// Gives a file that was just changed the time of the clock that was set.
    private func stamp(_ descriptor: CInt) {
        guard clockError != 0 else { return }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        now.tv_sec += clockError
        futimens(descriptor, [now, now])
    }

    private mutating func nextSerial() -> Int {
        serial += 1
        return serial
    }

    private func copy(_ source: String, to target: String) {
        let (input, output) = (Glibc.open(source, O_RDONLY), Glibc.open(target, O_WRONLY | O_CREAT | O_TRUNC, 0o644))
        defer {
            Glibc.close(input)
            Glibc.close(output)
        }
        while sendfile(output, input, nil, 1 << 20) > 0 {}
        stamp(output)
    }

    private func size(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}
