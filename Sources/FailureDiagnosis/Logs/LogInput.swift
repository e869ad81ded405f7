package import SystemSupport

/// The end of a log that can only be read forwards, because it is compressed, in UTF-16, or comes through a pipe; as UTF-8.
package struct LogInput: Sendable {
    private static let blockBytes = 256 << 10

    package private(set) var tail: LogTail
    /// What is missing, and why.
    package private(set) var notes: [String] = []

    /// How much of the end of each of several logs is kept, in bytes: up to 64 MiB of one, and 256 MiB of all, if they are not very many.
    package static func kept(ofEach count: Int) -> Int {
        max(1 << 20, min(64 << 20, (256 << 20) / max(1, count)))
    }

    /// Reads up to the end, blocking.
    ///
    /// - Parameters:
    ///   - name: the log's path, or what it is called instead.
    ///   - isPipe: whether it can't be read again under that name.
    ///   - kept: how much of its end is kept, in bytes.
    ///   - deadline: when to stop; `nil`: never.
    ///   - read: gives the file's bytes, 0 at its end.
    /// - Throws: also for a format that arobust doesn't read.
    package init(
        name: String, isPipe: Bool, kept: Int, deadline: ContinuousClock.Instant?, _ read: @escaping GzipReader.Input
    ) throws(LogInputError) {
        tail = LogTail(limit: kept)
        var input = try PeekedInput(read)
        var format = InputFormat(head: input.head)
        var gzip: GzipReader?
        if format == .gzip {
            let reader = GzipReader(input.read)
            gzip = reader
            input = try PeekedInput(reader.read)
            format = InputFormat(head: input.head)
        }
        switch format {
        case .text: try readAll(input, nil, name, deadline)
        case .utf16(let isBigEndian): try readAll(input, UTF16Text(isBigEndian: isBigEndian), name, deadline)
        case .gzip:
            throw .format(name: name, isPipe: isPipe, kind: "compressed twice", command: "gzip -dc FILE | gzip -dc")
        case .other(let kind, let command): throw .format(name: name, isPipe: isPipe, kind: kind, command: command)
        }
        noteEnd(of: gzip, name)
        if tail.size == 0 { notes.append("\(name): it is empty") }
        if tail.start > 0 {
            notes.append("\(name): its last \(tail.size - tail.start) bytes of \(tail.size) were searched")
        }
    }

    private mutating func readAll(
        _ input: PeekedInput, _ utf16: UTF16Text?, _ name: String, _ deadline: ContinuousClock.Instant?
    ) throws(LogInputError) {
        var utf16 = utf16
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockBytes, alignment: 16)
        defer { block.deallocate() }
        while true {
            if let deadline, ContinuousClock.now >= deadline {
                notes.append("\(name): the time ran out after \(tail.size) bytes of its text; --budget gives it more")
                return
            }
            let count: Int
            do throws(SystemCallError) {
                count = try input.read(block)
            } catch {
                notes.append("\(name): \(tail.size) bytes of its text were read, then: \(error)")
                break
            }
            if count == 0 { break }
            let bytes = UnsafeRawBufferPointer(rebasing: block[..<count])
            if let text = utf16?.decode(bytes) { text.withUnsafeBytes { tail.append($0) } } else { tail.append(bytes) }
        }
        utf16?.finish().withUnsafeBytes { tail.append($0) }
    }

    private mutating func noteEnd(of gzip: GzipReader?, _ name: String) {
        switch gzip?.end {
        case nil, .whole: break
        case .truncated:
            notes.append("\(name): the gzip file is cut off; its first \(tail.size) bytes of text were read")
        case .damaged(let reason):
            notes.append(
                "\(name): the gzip file is damaged (\(reason)); its first \(tail.size) bytes of text were read")
        case .followedByOther: notes.append("\(name): after the gzip data come bytes that are none; they were not read")
        }
    }
}

/// Why a file is not read as a log.
package enum LogInputError: Error, Hashable, CustomStringConvertible {
    case system(SystemCallError)
    /// - command: what writes it as text; `FILE` stands for its path, if it has one.
    case format(name: String, isPipe: Bool, kind: String, command: String)
    case noFile(name: String, kind: String)

    package var description: String {
        switch self {
        case .system(let error): "\(error)"
        case .format(let name, let isPipe, let kind, let command):
            "cannot read \(name): it is \(kind); try: "
                + (isPipe
                    ? "… | " + command.replacing(" FILE", with: "") : command.replacing("FILE", with: Self.word(name)))
                + " | arobust diagnose --log -"
        case .noFile(let name, let kind): "cannot read \(name): it is \(kind)"
        }
    }

    /// A path as a shell takes it.
    private static func word(_ path: String) -> String {
        path.contains { !$0.isLetter && !$0.isNumber && !"/._-+=:@%,".contains($0) }
            ? "'" + path.replacing("'", with: #"'\''"#) + "'" : path
    }
}

/// An input whose first bytes have been looked at.
private final class PeekedInput {
    private(set) var head: [UInt8] = []
    private var taken = 0
    private let input: GzipReader.Input

    init(_ input: @escaping GzipReader.Input) throws(LogInputError) {
        self.input = input
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: InputFormat.headBytes, alignment: 16)
        defer { block.deallocate() }
        do throws(SystemCallError) {
            while head.count < InputFormat.headBytes {
                let room = UnsafeMutableRawBufferPointer(rebasing: block[..<(InputFormat.headBytes - head.count)])
                let count = try input(room)
                if count == 0 { break }
                head += room[..<count]
            }
        } catch {
            throw .system(error)
        }
    }

    func read(_ block: UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Int {
        guard taken < head.count else { return try input(block) }
        let part = head[taken..<min(head.count, taken + block.count)]
        block.copyBytes(from: part)
        taken += part.count
        return part.count
    }
}
