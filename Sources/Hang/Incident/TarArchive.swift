/// Files in one: the `ustar` format (POSIX.1-1988, pax(1)), as far as a bundle needs it. Regular files with short names; nothing is ever unpacked
/// to a disk here.
package enum TarArchive {
    private static let block = 512

    /// - Parameter time: of all files, in seconds since 1970.
    package static func write(_ files: [IncidentBundle.File], under folder: String, time: Int64) -> [UInt8] {
        var archive: [UInt8] = []
        for file in files {
            archive += header(name: "\(folder)/\(file.name)", size: file.content.count, time: time)
            archive += file.content
            archive += [UInt8](repeating: 0, count: (block - file.content.count % block) % block)
        }
        return archive + [UInt8](repeating: 0, count: 2 * block)
    }

    private static func header(name: String, size: Int, time: Int64) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: block)
        func put(_ text: String, at offset: Int, _ width: Int) {
            for (index, byte) in text.utf8.prefix(width).enumerated() { header[offset + index] = byte }
        }
        func octal(_ number: Int, _ digits: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(name, at: 0, 100)
        put(octal(0o644, 7), at: 100, 7)
        put(octal(0, 7), at: 108, 7)
        put(octal(0, 7), at: 116, 7)
        put(octal(size, 11), at: 124, 11)
        put(octal(Int(time), 11), at: 136, 11)
        put("        ", at: 148, 8)
        put("0", at: 156, 1)
        put("ustar", at: 257, 5)
        put("00", at: 263, 2)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6), at: 148, 6)
        header[154] = 0
        return header
    }

    /// Whether bytes begin like an archive.
    package static func isOne(_ bytes: [UInt8]) -> Bool {
        bytes.count >= block && bytes[257..<262].elementsEqual("ustar".utf8)
    }

    /// The regular files of an archive, without the folder that all of them are in. What is cut off is left out.
    package static func files(in bytes: [UInt8]) -> [IncidentBundle.File] {
        var files: [IncidentBundle.File] = []
        var offset = 0
        while bytes.count - offset >= block, bytes[offset] != 0 {
            let header = bytes[offset..<(offset + block)]
            func text(_ start: Int, _ width: Int) -> String {
                String(decoding: header.dropFirst(start).prefix(width).prefix { $0 != 0 }, as: UTF8.self)
            }
            let digits = text(124, 12).filter { $0.isNumber }
            guard let size = Int(digits, radix: 8), size <= bytes.count - offset - block else { break }
            let kind = header[header.startIndex + 156]
            if kind == UInt8(ascii: "0") || kind == 0 {
                let name = text(0, 100)
                let inside = name.firstIndex(of: "/").map { String(name[name.index(after: $0)...]) } ?? name
                let start = offset + block
                files.append(IncidentBundle.File(name: inside, content: Array(bytes[start..<(start + size)])))
            }
            offset += block + (size + block - 1) / block * block
        }
        return files
    }
}
