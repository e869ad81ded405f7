package import Diagnosis
private import FoundationEssentials
private import Glibc
private import SystemPackage
internal import SystemSupport

/// An envelope that a master refused for good.
package struct DeadLetter: Sendable {
    /// Holds only this envelope.
    package var batch: EnvelopeBatch
    /// What the master said.
    package var reason: String
    /// Seconds since 1970.
    package var time: Int64
}

/// A dead letter as a line of the file: one JSON object, with the metric as it was.
enum DeadLetterLine {
    static func write(_ letter: DeadLetter) -> [UInt8] {
        let batch = letter.batch
        guard let entry = batch.entries.first else { return [] }
        var line = [UInt8](
            """
            {"time":"\(TimeText.write(letter.time))","reason":\(quoted(letter.reason)),\
            "publisher":"\(batch.lane.publisher)","data_type":\(quoted(batch.lane.dataType.rawValue)),\
            "epoch":\(batch.epoch),"sequence":\(entry.sequence),"metric":
            """.utf8)
        line += metric(Array(batch.body(of: entry)))
        line += "}\n".utf8
        return line
    }

    /// The body itself if it is a JSON object, or else a string of it.
    private static func metric(_ body: [UInt8]) -> [UInt8] {
        guard let text = String(validating: body, as: UTF8.self), body.first == UInt8(ascii: "{"),
            !body.contains(0), JSONValue.object(text) != nil
        else { return Array(quoted(String(decoding: body, as: UTF8.self)).utf8) }
        // Valid JSON has line breaks only between its values.
        return text.utf8.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
    }

    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        // A string always encodes.
        return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}

/// What a master refused, a line each. Bounded: a full file is renamed to `.1` and replaces the one before.
///
/// For one thread at a time.
final class DeadLetterFile {
    private let path: String
    private let limit: Int
    private var descriptor: Int32 = -1
    private var length = 0

    init(path: String, limit: Int) {
        self.path = path
        self.limit = limit
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Appends all letters, or none of them.
    func append(_ letters: [DeadLetter]) throws(SystemCallError) {
        let bytes = letters.flatMap(DeadLetterLine.write)
        guard !bytes.isEmpty else { return }
        if descriptor < 0 { try openFile() }
        if length > 0, length + bytes.count > limit { try turnOver() }
        do throws(SystemCallError) {
            try write(bytes)
            guard fdatasync(descriptor) == 0 else { throw SystemCallError("fdatasync", path: path) }
        } catch {
            // If the part that was written can't be cut off now, the next opening does it.
            if ftruncate(descriptor, off_t(length)) != 0 { closeFile() }
            throw error
        }
        length += bytes.count
    }

    private func write(_ bytes: [UInt8]) throws(SystemCallError) {
        var written = 0
        while written < bytes.count {
            let count = try SystemCallError.retrying("write", path: path) {
                bytes[written...].withUnsafeBytes {
                    pwrite(descriptor, $0.baseAddress, $0.count, off_t(length + written))
                }
            }
            guard count > 0 else { throw SystemCallError("write", path: path, code: .noSpace) }
            written += count
        }
    }

    private func turnOver() throws(SystemCallError) {
        closeFile()
        guard rename(path, path + ".1") == 0 || errno == ENOENT else { throw SystemCallError("rename", path: path) }
        try openFile()
    }

    private func closeFile() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        length = 0
    }

    /// Opens the file and cuts off a last line that is not whole.
    private func openFile() throws(SystemCallError) {
        descriptor = try OwnFile.open(path, O_RDWR | O_CREAT)
        do throws(SystemCallError) {
            length = try wholeLength()
            guard ftruncate(descriptor, off_t(length)) == 0 else { throw SystemCallError("truncate", path: path) }
        } catch {
            closeFile()
            throw error
        }
    }

    /// Where the last whole line ends.
    private func wholeLength() throws(SystemCallError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemCallError("stat", path: path) }
        var end = Int(status.st_size)
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        while end > 0 {
            let start = max(0, end - bytes.count)
            let count = pread(descriptor, &bytes, end - start, off_t(start))
            guard count == end - start else {
                throw count < 0
                    ? SystemCallError("read", path: path) : SystemCallError("read", path: path, code: .ioError)
            }
            if let newline = bytes[..<count].lastIndex(of: 0x0A) { return start + newline + 1 }
            end = start
        }
        return 0
    }
}
