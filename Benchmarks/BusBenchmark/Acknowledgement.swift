private import Glibc

/// How many envelopes the subscriber has received so far, through a pipe: eight bytes each time.
enum Acknowledgement {
    /// To standard output.
    static func send(_ received: Int) {
        var received = received
        guard write(STDOUT_FILENO, &received, MemoryLayout<Int>.size) == MemoryLayout<Int>.size else {
            fail("the publisher has ended")
        }
    }

    /// Waits for at least one on standard input and returns the newest that is there.
    static func receive() -> Int {
        var counts = [Int](repeating: 0, count: 512)
        let size = read(STDIN_FILENO, &counts, counts.count * MemoryLayout<Int>.size)
        guard size >= MemoryLayout<Int>.size else { fail("the subscriber has ended") }
        return counts[size / MemoryLayout<Int>.size - 1]
    }
}
