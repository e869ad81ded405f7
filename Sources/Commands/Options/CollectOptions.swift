internal import Agent
internal import ArgumentParser

/// The flags of the commands that collect and publish.
struct CollectOptions: ParsableArguments {
    @ArgumentParser.Option(
        help: "The directory of the sockets (default: /var/lib/arobust for root, $XDG_STATE_HOME/arobust otherwise).")
    var stateDir: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "A training log to follow, or a pattern: **, *, ?, [a-z], {a,b}. May be given more than once.",
            valueName: "path"))
    var logFile: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp("Files that patterns don't find. May be given more than once.", valueName: "pattern"))
    var logExclude: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "Follow the logs in a folder that torchrun --log-dir was given. May be given more than once.",
            valueName: "folder"))
    var torchrunLogs: [String] = []

    @ArgumentParser.Option(
        help: .setting(
            "Where to begin in a log that has no stored position: start or end", \.logs.from, valueName: "start|end"))
    var logFrom: String?

    @ArgumentParser.Option(
        parsing: .unconditional,
        help: ArgumentHelp("Scrape XPUTimer's page at this port of 127.0.0.1. Also: XPU_TIMER_PORT.", valueName: "n"))
    var xpuTimerPort: String?

    @ArgumentParser.Option(help: ArgumentHelp("Scrape this page instead.", valueName: "url"))
    var metricsURL: String?

    @ArgumentParser.Option(help: .setting("How often to scrape", \.metrics.interval, valueName: "duration"))
    var metricsInterval: String?

    @ArgumentParser.Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Dump the Python stacks of this process. May be given more than once.", valueName: "pid"))
    var stackPid: [String] = []

    @ArgumentParser.Flag(help: "Dump the Python stacks of all training ranks of this node.")
    var stackRanks = false

    @ArgumentParser.Option(help: .setting("How often to dump stacks", \.stacks.interval, valueName: "duration"))
    var stackInterval: String?

    @ArgumentParser.Option(help: ArgumentHelp("The py-spy to use (default: the one in PATH).", valueName: "path"))
    var pySpy: String?

    @ArgumentParser.Option(
        help: ArgumentHelp(
            """
            Take what DLRover's own clients report to this address (dlrover+grpc://127.0.0.1:50051, \
            dlrover+http://127.0.0.1:50052 or unix:/path), and pass their other calls to the first DLRover master. May be \
            given more than once.
            """, valueName: "url"))
    var listen: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp(
            """
            Who may call there besides root and this user: user:NAME, group:NAME, uid:N, gid:N, or everyone. May be given \
            more than once.
            """, valueName: "who"))
    var listenAllow: [String] = []

    @ArgumentParser.Option(help: .setting("How much the journal may hold", \.journal.size, valueName: "size"))
    var journalSize: String?

    @ArgumentParser.Option(
        help: .setting(
            "What the journal survives: process-crash or power-loss, which is slower", \.journal.durability,
            valueName: "what"))
    var durability: String?

    @ArgumentParser.Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "End when this process is no longer the parent: for programs that start arobust.", valueName: "pid"))
    var parentPID: String?

    @ArgumentParser.Option(parsing: .unconditional, help: "The node's id. Also: NODE_ID.")
    var nodeID: String?

    @ArgumentParser.Option(help: .setting("The node's type", \.node.type, also: "NODE_TYPE"))
    var nodeType: String?

    @ArgumentParser.Option(parsing: .unconditional, help: "The node's rank. Also: NODE_RANK.")
    var nodeRank: String?

    var flags: [SettingFlag] {
        [
            .several(\.stateDirectory, "--state-dir", stateDir),
            .several(\.logs.files, "--log-file", logFile),
            .several(\.logs.exclude, "--log-exclude", logExclude),
            .several(\.logs.torchrun, "--torchrun-logs", torchrunLogs),
            .one(\.logs.from, "--log-from", logFrom),
            .one(\.metrics.xpuTimerPort, "--xpu-timer-port", xpuTimerPort),
            .one(\.metrics.url, "--metrics-url", metricsURL),
            .one(\.metrics.interval, "--metrics-interval", metricsInterval),
            .several(\.stacks.pids, "--stack-pid", stackPid),
            .one(\.stacks.ranks, "--stack-ranks", stackRanks ? "true" : nil),
            .one(\.stacks.interval, "--stack-interval", stackInterval),
            .one(\.stacks.pySpy, "--py-spy", pySpy),
            .several(\.listen, "--listen", listen),
            .several(\.listenAllow, "--listen-allow", listenAllow),
            .one(\.journal.size, "--journal-size", journalSize),
            .one(\.journal.durability, "--durability", durability),
            .one(\.parentPID, "--parent-pid", parentPID),
            .one(\.node.id, "--node-id", nodeID),
            .one(\.node.type, "--node-type", nodeType),
            .one(\.node.rank, "--node-rank", nodeRank),
        ]
    }
}
