/// Several observers of the same logs.
package struct LogObservers: LogObserver {
    private let observers: [any LogObserver]

    /// - Parameter observers: not empty.
    package init(_ observers: [any LogObserver]) {
        self.observers = observers
    }

    /// What all of them say, in the order of the lines.
    package func judge(_ lines: UnsafeRawBufferPointer) -> [JudgedLine] {
        var judged: [JudgedLine] = []
        var isMixed = false
        for observer in observers {
            let said = observer.judge(lines)
            isMixed = isMixed || !judged.isEmpty && !said.isEmpty
            judged = judged.isEmpty ? said : judged + said
        }
        return isMixed ? judged.sorted { $0.line.lowerBound < $1.line.lowerBound } : judged
    }

    /// The time that the first finds.
    package func time(of line: UnsafeRawBufferPointer) -> Double? {
        for observer in observers {
            if let time = observer.time(of: line) { return time }
        }
        return nil
    }

    package func observe(_ lines: String, judged: [JudgedLine], of path: String) {
        for observer in observers { observer.observe(lines, judged: judged, of: path) }
    }

    package func noteUnread(_ bytes: UInt64, of path: String) {
        for observer in observers { observer.noteUnread(bytes, of: path) }
    }
}
