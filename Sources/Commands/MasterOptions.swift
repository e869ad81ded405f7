internal import Agent
internal import ArgumentParser

/// The flags of the commands that report.
struct MasterOptions: ParsableArguments {
    @ArgumentParser.Option(
        help: ArgumentHelp(
            """
            A master to report to: dlrover+grpc://host:port, dlrover+http://host:port, file:///path.ndjson or stdout:. \
            May be given more than once. Also: AROBUST_MASTERS, DLROVER_MASTER_ADDR.
            """, valueName: "url"))
    var master: [String] = []

    @ArgumentParser.Option(help: "The job's id, as a DLRover master knows it. Also: JOB_UID.")
    var jobUID: String?

    var flags: [SettingFlag] {
        [.several("masters", "--master", master), .one("job-uid", "--job-uid", jobUID)]
    }
}
