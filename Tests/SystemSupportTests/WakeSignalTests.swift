import SystemSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct WakeSignalTests {
    @Test func aSignalBeforeTheWaitEndsIt() async {
        let signal = WakeSignal()
        signal.wake()
        signal.wake()
        await signal.wait()
    }

    @Test func aSignalEndsTheWaitOfATask() async {
        let signal = WakeSignal()
        await withTaskGroup { group in
            group.addTask { await signal.wait() }
            group.addTask { signal.wake() }
        }
    }

    @Test func cancellingEndsTheWait() async {
        let signal = WakeSignal()
        let task = Task { await signal.wait() }
        task.cancel()
        await task.value
    }
}
