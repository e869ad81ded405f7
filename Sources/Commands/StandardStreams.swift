private import Glibc

/// The descriptors 0, 1 and 2.
public enum StandardStreams {
    /// Opens `/dev/null` in place of those that are closed. Otherwise the next socket or eventfd would get their number, and what is
    /// meant for people would be written into it. To be called before anything else opens a descriptor.
    public static func fillGaps() {
        var descriptor: Int32
        repeat { descriptor = open("/dev/null", O_RDWR) } while (STDIN_FILENO...STDERR_FILENO).contains(descriptor)
        // Without a /dev/null nothing can be done.
        if descriptor > STDERR_FILENO { close(descriptor) }
    }
}
