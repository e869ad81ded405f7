/// A segment file as opening finds it.
struct SegmentCandidate {
    enum Header {
        case whole(SegmentHeader, length: Int)
        /// The file ends within it.
        case torn
        case bad(reason: String)
    }

    let number: UInt64
    let path: String
    /// Whether it was set aside earlier. Its header still says what was before it.
    let isSetAside: Bool
    var fileLength: UInt64
    var header: Header

    var wholeHeader: SegmentHeader? {
        if case .whole(let header, _) = header { header } else { nil }
    }

    /// What is wrong with the header.
    var damage: String {
        switch header {
        case .whole: "nothing"
        case .torn: "the file ends within the segment's header"
        case .bad(let reason): reason
        }
    }

    /// Reads the header; answers `nil` if the file is gone.
    ///
    /// - Throws: `newerVersion` if the file is of one.
    init?(number: UInt64, path: String, lane: String, files: Files) throws(JournalError) {
        guard let file = try SegmentFile.open(path, files: files, readAhead: 4096) else { return nil }
        self.number = number
        self.path = path
        isSetAside = SegmentName.isCorrupt(String(path.split(separator: "/").last ?? ""))
        let fileLength = try file.length()
        self.fileLength = fileLength
        guard fileLength >= SegmentHeader.preludeLength else {
            header = .torn
            return
        }
        let prelude = try file.withBytes(at: 0, count: SegmentHeader.preludeLength, limit: fileLength) {
            SegmentHeader.prelude($0)
        }
        guard let (version, length) = prelude else {
            header = .bad(reason: "the file does not begin as a segment does")
            return
        }
        guard version == SegmentHeader.version else {
            throw JournalError(
                .newerVersion, path: path,
                "is of version \(version) and this program reads version \(SegmentHeader.version); use the newer program, "
                    + "or move the directory away to begin anew")
        }
        guard length <= fileLength else {
            header = .torn
            return
        }
        let whole = try file.withBytes(at: 0, count: length, limit: fileLength) { SegmentHeader($0) }
        if let whole, whole.number == number, whole.lane == lane {
            header = .whole(whole, length: length)
        } else {
            header = .bad(
                reason: whole == nil ? "the segment's header is damaged" : "the segment belongs under another name")
        }
    }
}
