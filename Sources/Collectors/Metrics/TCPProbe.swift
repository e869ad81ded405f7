internal import Glibc

/// Whether somebody listens at a TCP port: connects and closes at once. Blocks for at most the limit and the name's resolution.
enum TCPProbe {
    /// - Parameter limit: for each of the host's addresses; at most some days.
    /// - Throws: `SystemError` of the last address that was tried; `EHOSTUNREACH` for a name without addresses.
    static func connect(host: String, port: Int, limit: Duration) throws(SystemError) {
        let subject = "\(host):\(port)"
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "\(port)", &hints, &list) == 0, let list else {
            throw SystemError("resolve the host of", subject, code: EHOSTUNREACH)
        }
        defer { freeaddrinfo(list) }
        var error = SystemError("connect to", subject, code: EHOSTUNREACH)
        var next: UnsafeMutablePointer<addrinfo>? = list
        while let address = next?.pointee {
            let code = connect(to: address, limit: limit)
            if code == 0 { return }
            error = SystemError("connect to", subject, code: code)
            next = address.ai_next
        }
        throw error
    }

    /// - Returns: 0, or the error's number.
    private static func connect(to address: addrinfo, limit: Duration) -> CInt {
        let descriptor = socket(
            address.ai_family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return 0 }
        let code = errno
        guard code == EINPROGRESS else { return code }
        var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let ready = poll(&poller, 1, CInt(limit / .milliseconds(1)))
        guard ready > 0 else { return ready == 0 ? ETIMEDOUT : errno }
        var result: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &result, &size) == 0 else { return errno }
        return result
    }
}
