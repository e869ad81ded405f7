/// The lines with which events begin.
extension EventTracker {
    /// What begins with this line, if anything does.
    static func opening(_ text: LineBytes) -> (kind: Kind, isBody: Bool)? {
        guard text.count > 0 else { return nil }
        switch text[0] {
        case UInt8(ascii: "T"):
            if text.starts("Traceback (most recent call last):") { return (.python, true) }
            if text.starts("Thread "), text.contains("0x") { return (.stack, false) }
        case UInt8(ascii: "C"):
            if text.starts("Current thread 0x") { return (.stack, false) }
        case UInt8(ascii: "F"):
            if text.starts("Fatal Python error:") { return (.stack, false) }
        case 0x20:
            if text.starts("  + Exception Group Traceback") { return (.group, true) }
        case 0x09:
            if text.starts("\tat ") { return (.java, false) }
        case UInt8(ascii: "E"):
            if text.starts("Exception in thread ") { return (.java, false) }
            if text.starts("Exception raised from ") { return (.stack, false) }
        case UInt8(ascii: "t"):
            if text.starts("terminate called") { return (.stack, false) }
            if text.starts("thread '"), text.contains("panicked at") { return (.rust, false) }
        case UInt8(ascii: "*"):
            if text.starts("*** ") { return (.stack, false) }
        case UInt8(ascii: "#"):
            if text.count > 1, isDigit(text[1]), text.contains(" 0x") || text.contains(" in ") {
                return (.stack, false)
            }
        case UInt8(ascii: "f"):
            if text.starts("frame #") { return (.stack, false) }
            if text.starts("fatal error: ") { return (.go, false) }
        case UInt8(ascii: "p"):
            if text.starts("panic: ") { return (.go, false) }
        case UInt8(ascii: "g"):
            if text.starts("goroutine "), text.contains(" [") { return (.go, false) }
        case UInt8(ascii: "-"):
            if text.starts("------------[ cut here ]") { return (.kernel, true) }
        case UInt8(ascii: "["):
            if text.contains("ProcessGroupNCCL"), text.contains("Watchdog caught") || text.starts("[E") {
                return (.stack, false)
            }
        default: break
        }
        if isNCCLWarning(text) { return (.nccl, false) }
        return text[0] != 0x20 && isExceptionHead(text) ? (.java, false) : nil
    }

    /// Searches for the W, which is rare: this is asked of every line.
    static func isNCCLWarning(_ text: LineBytes) -> Bool { text.first(160).contains("NCCL WARN ", rarest: 5) }

    /// `java.lang.IllegalStateException: …`: a dotted name that ends with Exception or Error.
    private static func isExceptionHead(_ text: LineBytes) -> Bool {
        guard isLetter(text[0]) else { return false }
        var end = 0
        var hasDot = false
        while end < text.count,
            isLetter(text[end]) || isDigit(text[end]) || text[end] == 0x2E || text[end] == 0x5F || text[end] == 0x24
        {
            hasDot = hasDot || text[end] == 0x2E
            end += 1
        }
        guard hasDot, end == text.count || text[end] == UInt8(ascii: ":") else { return false }
        return text.first(end).ends("Exception") || text.first(end).ends("Error")
    }
}
