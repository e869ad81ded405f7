internal import GRPCServing
private import Glibc
internal import SystemSupport

extension ListenAddress {
    /// Looks for what would keep a listener from the address, without listening: the address itself, or the socket's folder and what is there.
    /// One that is in use now is not told of, since it may be by the agent whose settings these are.
    ///
    /// - Throws: what the listener would fail with.
    package func check() throws(ListenError) {
        switch place {
        case .unix(let path):
            do throws(UnixListenerError) {
                try UnixListener.check(path)
            } catch {
                throw ListenError(address: self, reason: "\(error)")
            }
        case .tcp(let host, let port):
            guard let code = Self.bindError(host, port), code != EADDRINUSE else { return }
            throw ListenError(address: self, reason: SystemCallError.text(code))
        }
    }

    /// The value of `errno` with which a socket can't have the address; `nil` if it can. The socket is closed at once.
    package static func bindError(_ host: String, _ port: Int) -> CInt? {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "\(port)", &hints, &found) == 0, let address = found else { return nil }
        defer { freeaddrinfo(found) }
        let descriptor = socket(
            address.pointee.ai_family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), address.pointee.ai_protocol)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        // As the listener does: connections of an earlier one that still linger are no obstacle.
        var yes: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        return bind(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0 ? nil : errno
    }
}
