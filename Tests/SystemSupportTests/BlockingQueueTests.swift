import Dispatch
import SystemSupport
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct BlockingQueueTests {
    @Test(arguments: [BlockingQueue.Pool.state, .output])
    func aQueueDoesOneThingAfterTheOther(pool: BlockingQueue.Pool) async {
        let queue = BlockingQueue(label: "test", pool: pool)
        let order = Mutex<[Int]>([])
        for number in 0..<100 { await queue.run { order.withLock { $0.append(number) } } }
        #expect(order.withLock { $0 } == Array(0..<100))
    }

    /// As if so many file servers were dead: none of the machine's threads for the pool is left.
    @Test func queuesThatHangHoldUpNoOtherForGood() async {
        let end = DispatchSemaphore(value: 0)
        let hanging = 8
        await withTaskGroup { group in
            for _ in 0..<hanging {
                group.addTask { await BlockingQueue(label: "hanging", pool: .output).run { end.wait() } }
            }
            let isThrough = await BlockingQueue(label: "other", pool: .output).run { true }
            #expect(isThrough)
            for _ in 0..<hanging { end.signal() }
        }
    }
}
