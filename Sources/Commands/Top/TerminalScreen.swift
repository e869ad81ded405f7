private import Glibc
internal import Inspection
private import Synchronization
internal import SystemSupport

/// The whole screen of a terminal: taken by `enter`, given back as it was by `leave`.
///
/// What it writes are frames of harmless text and its own control sequences (ECMA-48, and xterm's for the alternate screen). Any thread may call it.
final class TerminalScreen: Sendable {
    private struct State {
        var isEntered = false
        /// Set once the process ends: nothing is drawn over the shell's screen any more.
        var isOver = false
    }

    /// How the terminal was. A lock of its own, which nothing holds while it writes.
    private let saved = Mutex<termios?>(nil)
    private let state = Mutex(State())
    private let hasColour: Bool

    /// - Parameter hasColour: as `NO_COLOR` (no-color.org) and the terminal say.
    init(hasColour: Bool) {
        self.hasColour = hasColour
    }

    /// Whether a terminal is there that can show frames and send keys.
    static func isUsable(terminal: String?) -> Bool {
        guard let terminal, !terminal.isEmpty, terminal != "dumb" else { return false }
        return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
    }

    /// Takes the screen; also after the process was stopped, when a shell has changed the terminal.
    func enter() throws(SystemCallError) {
        try state.withLock { state throws(SystemCallError) in
            guard !state.isOver else { return }
            var mode = try original()
            // Keys come at once and are not shown; Ctrl-C, Ctrl-Z and Ctrl-\ stay signals.
            mode.c_lflag &= ~tcflag_t(ICANON | ECHO | ECHONL | IEXTEN)
            mode.c_iflag &= ~tcflag_t(IXON)
            Self.setReading(&mode)
            guard tcsetattr(STDIN_FILENO, TCSANOW, &mode) == 0 else {
                throw SystemCallError("tcsetattr", path: "standard input")
            }
            // Alternate screen, no cursor, no wrapping of long lines.
            Self.write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J")
            state.isEntered = true
        }
    }

    /// The terminal's settings before the first change.
    private func original() throws(SystemCallError) -> termios {
        try saved.withLock { saved throws(SystemCallError) in
            if let saved { return saved }
            var mode = termios()
            guard tcgetattr(STDIN_FILENO, &mode) == 0 else {
                throw SystemCallError("tcgetattr", path: "standard input")
            }
            saved = mode
            return mode
        }
    }

    private func restore() {
        saved.withLock { saved in
            guard var mode = saved else { return }
            tcsetattr(STDIN_FILENO, TCSANOW, &mode)
        }
    }

    /// `read` returns with each byte.
    private static func setReading(_ mode: inout termios) {
        withUnsafeMutableBytes(of: &mode.c_cc) { characters in
            characters[Int(VMIN)] = 1
            characters[Int(VTIME)] = 0
        }
    }

    /// Gives the screen back; nothing where it was not taken.
    ///
    /// - Parameter isLast: whether the process ends.
    func leave(isLast: Bool = false) {
        state.withLock { leave(&$0, isLast: isLast) }
    }

    /// The same where a write may hang, because nobody reads the terminal: it waits for that a moment at most, and then sets only how the
    /// terminal works, which waits for no output.
    func leaveAtOnce() {
        for _ in 0..<20 {
            let isDone = state.withLockIfAvailable { state in
                leave(&state, isLast: true, waits: false)
                return true
            }
            if isDone == true { return }
            usleep(10_000)
        }
        restore()
    }

    /// - Parameter waits: for a terminal that takes nothing at present.
    private func leave(_ state: inout State, isLast: Bool, waits: Bool = true) {
        if isLast { state.isOver = true }
        guard state.isEntered else { return }
        state.isEntered = false
        restore()
        var output = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
        guard waits || poll(&output, 1, 100) == 1 else { return }
        Self.write("\u{1B}[0m\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l")
    }

    /// Rows and columns of the window, now.
    static var size: (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else {
            return (24, 80)
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    /// Draws a frame over the last one.
    func draw(_ lines: [TopLine], rows: Int) {
        var text = "\u{1B}[H"
        for (index, line) in lines.prefix(rows).enumerated() {
            if index > 0 { text += "\r\n" }
            let style = style(line.style)
            text += style.isEmpty ? line.text : "\u{1B}[\(style)m\(line.text)\u{1B}[0m"
            text += "\u{1B}[K"
        }
        text += "\u{1B}[J"
        state.withLock { state in
            guard state.isEntered else { return }
            Self.write(text)
        }
    }

    /// The parameters of "select graphic rendition".
    private func style(_ style: TopLine.Style) -> String {
        switch style {
        case .plain: ""
        case .title: "1"
        case .columns: "7"
        case .warning: hasColour ? "33" : "1"
        case .alarm: hasColour ? "1;31" : "1;7"
        case .faint: "2"
        }
    }

    private static func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                Readiness.awaitOutput(STDOUT_FILENO)
            } else if errno != EINTR {
                // The terminal is gone, and with it whoever could be told.
                return
            }
        }
    }
}
