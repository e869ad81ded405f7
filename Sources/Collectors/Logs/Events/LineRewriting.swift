internal import Diagnosis
internal import LogText

/// What becomes of a chunk's bytes before they are reported: a container runtime's lines become the program's, NULs and the old states of
/// progress bars are left out, and the lines of interleaved events are put together.
struct LineRewriting {
    private(set) var content: String
    private(set) var lineCount: Int
    /// How many NULs were left out.
    private(set) var nulls = 0
    /// What a runtime's lines tell beside the text.
    private(set) var container: ContainerText?

    /// - Parameters:
    ///   - raw: lines without the end of the last.
    ///   - lineCount: how many they are.
    init(_ raw: UnsafeRawBufferPointer, lineCount: Int, isContainerFile: Bool, rules: ContentRules) {
        self.lineCount = lineCount
        content = ""
        if isContainerFile {
            let text = ContainerText(raw)
            container = text
            self.lineCount = text.lineCount
            text.bytes.withUnsafeBytes { rewrite($0, rules) }
        } else {
            rewrite(raw, rules)
        }
    }

    private mutating func rewrite(_ raw: UnsafeRawBufferPointer, _ rules: ContentRules) {
        guard let (bytes, nulls) = rules.rewritten(raw) else { return group(raw) }
        self.nulls = nulls
        lineCount = bytes.reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }
        bytes.withUnsafeBytes { group($0) }
    }

    /// Where several writers' lines are in one file, which the prefix of the first or the last line shows.
    private mutating func group(_ lines: UnsafeRawBufferPointer) {
        let last = (lines.lastIndex(of: 0x0A) ?? -1) + 1
        let isShared =
            last > 0
            && (LinePrefix(lines).writer != 0
                || LinePrefix(UnsafeRawBufferPointer(rebasing: lines[last...])).writer != 0)
        let grouped = isShared ? EventBlocks.grouped(lines) : nil
        content = grouped.map { String(decoding: $0, as: UTF8.self) } ?? String(decoding: lines, as: UTF8.self)
    }
}

extension MetricOrigin {
    mutating func add(_ container: ContainerText) {
        firstTime = container.firstTime
        lastTime = container.lastTime
        stream = container.stream
        streams = container.streams
    }
}
