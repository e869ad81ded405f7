private import Dispatch
private import Glibc
internal import Inspection
private import SystemPackage
internal import SystemSupport

/// `arobust top` in a terminal: from the first frame until it is left.
struct TopSession {
    private enum Event: Sendable {
        case terminal(TerminalKeys.Event)
        case look(TopLook)
        /// The window has another size, or the process goes on after it was stopped.
        case resized, continued
        case leave
    }

    let source: TopSource
    let screen: TerminalScreen
    var view: TopView

    /// Shows frames until the user leaves, or the terminal is gone. SIGTERM, SIGHUP and SIGQUIT end the process from here, with the screen given
    /// back first.
    mutating func run() async throws {
        let (events, event) = AsyncStream<Event>.makeStream(bufferingPolicy: .bufferingNewest(4096))
        let signals = Self.watchSignals(event, screen)
        defer { for signal in signals { signal.cancel() } }
        try screen.enter()
        defer { screen.leave(isLast: true) }
        TerminalKeys.read { event.yield(.terminal($0)) }

        let wake = WakeSignal()
        var rates = TopRates()
        var frame = TopFrame(TopLook(at: 0, time: WallClock.seconds()), rates: &rates)
        let pauses = Pauses(interval: view.interval)
        let looking = Task { [source] in
            while !Task.isCancelled {
                event.yield(.look(await source.look()))
                await pauses.wait(wake)
            }
        }
        defer { looking.cancel() }
        var last: TopLook?
        for await event in events {
            switch event {
            case .leave, .terminal(.end): return
            case .terminal(.suspend):
                screen.leave()
                // The signal may meet another thread, and this one run on for a moment: only SIGCONT takes the screen again.
                SuspendSignal.stop()
            case .continued: if try !enterAgain() { return }
            case .resized: break
            case .look(let look):
                // A look that found nobody leaves what was seen last, and says so.
                guard !view.isPaused else { continue }
                let kept = look.keeping(last)
                frame = TopFrame(kept, rates: &rates)
                last = kept
            case .terminal(.key(let key)):
                let known = frame
                switch view.handle(key, columns: { known.columns(of: $0) }) {
                case .quit: return
                case .nothing: continue
                case .redraw: if pauses.set(view.interval) { wake.wake() }
                }
            }
            guard last != nil else { continue }
            let size = TerminalScreen.size
            screen.draw(frame.lines(&view, rows: size.rows, columns: size.columns), rows: size.rows)
        }
    }

    /// Takes the screen after the process was stopped.
    ///
    /// - Returns: `false` where the terminal has gone: one that hangs up sends SIGCONT together with SIGHUP.
    private func enterAgain() throws -> Bool {
        do {
            try screen.enter()
            return true
        } catch {
            if error.code == .ioError { return false }
            throw error
        }
    }

    /// The signals that concern a terminal.
    private static func watchSignals(
        _ event: AsyncStream<Event>.Continuation, _ screen: TerminalScreen
    ) -> [any DispatchSourceSignal] {
        let queue = DispatchQueue(label: "arobust.signals")
        func watch(_ number: CInt, _ handler: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler(handler: handler)
            source.resume()
            return source
        }
        let ends = [SIGTERM, SIGHUP, SIGQUIT].map { number in
            watch(number) {
                screen.leaveAtOnce()
                _exit(128 + number)
            }
        }
        return ends + [
            watch(SIGINT) { event.yield(.leave) },
            watch(SIGCONT) { event.yield(.continued) },
            watch(SIGWINCH) { event.yield(.resized) },
        ]
    }
}
