internal import Logging

/// Where the connection goes, and whether what comes from there may be read.
extension SubscriberConnection {
    /// Connects once the state directory is there and can only be a publisher's, and looks again whenever it is another one: libzmq goes to whatever
    /// is at the path. An endpoint that was named itself is taken as it stands.
    ///
    /// - Returns: whether what comes is to be read.
    /// - Throws: `StateDirectoryError.untrusted` if another user has put one in the place of the one that was connected to: what has come since
    ///   then can't be told from what was there before.
    func connectIfTrusted() throws -> Bool {
        guard let directory = status.endpoint.directory else {
            if !isConnected { try connect() }
            return true
        }
        guard let identity = directory.identity else { return false }
        if isConnected, identity == trusted { return true }
        do throws(StateDirectoryError) {
            try directory.checkForClients()
        } catch {
            if isConnected { throw error }
            if untrusted != identity {
                untrusted = identity
                logger.error("A publisher is not read.", metadata: ["reason": "\(error)"])
            }
            return false
        }
        trusted = identity
        if !isConnected { try connect() }
        return true
    }

    func connect() throws(ZMQError) {
        if status.endpoint.local != nil {
            try socket.connect(LocalBus.live)
            try replay.connect(LocalBus.replay)
        } else {
            try socket.connect(status.endpoint.address)
            if let address = status.endpoint.replayAddress { try replay.connect(address) }
        }
        isConnected = true
    }

    /// Says why a publisher over the network does not let us in, and tries again where libzmq does not.
    func lookAtHandshakes() {
        guard let handshakes else { return }
        _ = handshakes.live.look()
        _ = handshakes.replay.look()
        if handshakes.live.hasGivenUp { try? socket.reconnect(status.endpoint.address) }
        if handshakes.replay.hasGivenUp, let address = status.endpoint.replayAddress { try? replay.reconnect(address) }
        let problem = handshakes.live.problem ?? handshakes.replay.problem
        guard problem != status.obstacle else { return }
        status.obstacle = problem
        if let problem {
            logger.error(
                "A publisher cannot be reached.",
                metadata: ["endpoint": "\(status.endpoint)", "reason": "\(problem)"])
        } else {
            logger.notice("The publisher lets this client in again.", metadata: ["endpoint": "\(status.endpoint)"])
        }
    }

    /// Drops what came while there was no publisher's directory.
    func discard() throws(ZMQError) {
        while try socket.receive(into: &topicFrame) {}
        while try replay.receive(into: &topicFrame) {}
    }
}
