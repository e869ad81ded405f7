import NIOCore

/// Decides when a connection is asked whether anybody is still there, and when it is given up. A value without a clock.
///
/// A server's machine can vanish, or its process stop, without a word: TCP notices the first late and the second never. So while calls
/// wait and nothing comes, the server is pinged, and a ping that is not answered either ends the connection.
///
/// A gRPC server ends a connection with too many pings (`ENHANCE_YOUR_CALM`): by default it takes one, and forgives two more, until it
/// sends headers or data again, and wants none while no call is open (https://grpc.io/docs/guides/keepalive, gRFC A8 and A9). This
/// sends at most two in that time, and the first of them only for a call.
struct GRPCLiveness {
    /// What to do now.
    enum Step: Equatable {
        /// Nothing is awaited: look again when a call begins.
        case rest
        case look(at: NIODeadline)
        /// Send a ping, and look again then.
        case ping(lookAt: NIODeadline)
        /// Not even a ping is answered: nothing on this connection will be.
        case close
        /// Calls are not answered, though pings were: new calls had better go elsewhere.
        case drain
    }

    private static let pingsBetweenAnswers = 2

    /// How long nothing may come before a ping is sent.
    let quiet: TimeAmount
    /// How long its answer may take.
    let pingTimeout: TimeAmount
    /// How long calls may miss their deadlines although pings are answered.
    let answerless: TimeAmount
    private var heardAt = NIODeadline.uptimeNanoseconds(0)
    private var answeredAt = NIODeadline.uptimeNanoseconds(0)
    private var pingedAt: NIODeadline?
    private var pings = 0
    /// Whether a call missed its deadline since anything came, and since a call was answered.
    private var missed = (sinceHeard: false, sinceAnswered: false)

    /// - Parameter timeout: how long a call may take.
    init(timeout: TimeAmount) {
        quiet = .nanoseconds(max(1, min(timeout.nanoseconds / 2, TimeAmount.seconds(10).nanoseconds)))
        pingTimeout = min(timeout, .seconds(20))
        answerless = .nanoseconds(max(TimeAmount.seconds(60).nanoseconds, pingTimeout.nanoseconds * 3))
    }

    /// Something came, whatever it is.
    mutating func hear(_ now: NIODeadline) {
        heardAt = now
        pingedAt = nil
        missed.sinceHeard = false
    }

    /// Headers or data came.
    mutating func hearAnswer(_ now: NIODeadline) {
        answeredAt = now
        pings = 0
        missed.sinceAnswered = false
    }

    /// A call begins when none was under way: before it, nothing had to come. Unless calls were in vain.
    mutating func beginWaiting(_ now: NIODeadline) {
        if !missed.sinceHeard, pingedAt == nil { heardAt = now }
        if !missed.sinceAnswered { answeredAt = now }
    }

    /// A call missed its deadline.
    mutating func missDeadline(_ now: NIODeadline) -> Step {
        missed = (true, true)
        if pingedAt == nil, pings < Self.pingsBetweenAnswers, now - heardAt >= .nanoseconds(quiet.nanoseconds / 2) {
            return ping(now)
        }
        return look(now, isAwaited: true)
    }

    /// - Parameter isAwaited: whether something has to come: calls are under way, or what was sent doesn't go out.
    mutating func look(_ now: NIODeadline, isAwaited: Bool) -> Step {
        if let pingedAt {
            let end = pingedAt + pingTimeout
            return now >= end ? .close : .look(at: end)
        }
        guard isAwaited else { return .rest }
        if missed.sinceAnswered, now >= answeredAt + answerless { return .drain }
        guard now >= heardAt + quiet else { return .look(at: heardAt + quiet) }
        guard pings >= Self.pingsBetweenAnswers else { return ping(now) }
        let end = heardAt + quiet + pingTimeout
        if missed.sinceHeard, now >= end { return .drain }
        return .look(at: end > now ? end : now + quiet)
    }

    private mutating func ping(_ now: NIODeadline) -> Step {
        pingedAt = now
        pings += 1
        return .ping(lookAt: now + pingTimeout)
    }
}
