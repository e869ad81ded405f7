internal import Agent
internal import ArgumentParser
internal import Console
internal import ConsoleListener
internal import ConsoleStore
internal import Logging
private import SystemSupport
internal import TransportSecurity

/// The flags of `arobust console`.
struct ConsoleFlags: ParsableArguments {
    @ArgumentParser.Option(
        help: ArgumentHelp(
            "Where agents report: arobust://address:port, port 0 for a free one, or none (default: arobust://127.0.0.1:50052, none with --state-dir or --connect).",
            valueName: "url"))
    var listen: String?

    @ArgumentParser.Option(
        help: ArgumentHelp("Where the page is: address:port, port 0 for a free one.", valueName: "address"))
    var web = "127.0.0.1:8080"

    @ArgumentParser.Option(
        help: ArgumentHelp("The directory of what is kept; one console at a time owns it.", valueName: "dir"))
    var store: String

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "Read this publisher's state directory as well, as a consumer with a cursor. May be given more than once.",
            valueName: "dir"))
    var stateDir: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "Read this publisher over the network (tcp://host:port), or this stream (nats://host:port/STREAM), as well, as a consumer with a cursor. Publishers may be given more than once.",
            valueName: "endpoint"))
    var connect: [String] = []

    @OptionGroup var keys: KeyOptions

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "A file whose first line agents must bring. Also: AROBUST_CONSOLE_TOKEN. Needed beyond loopback.",
            valueName: "path"))
    var tokenFile: String?

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "The same for browsers. Also: AROBUST_CONSOLE_WEB_TOKEN (default: the agents' token where the page is beyond loopback).",
            valueName: "path"))
    var webTokenFile: String?

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "A further name under which browsers call the page, as behind a proxy. May be given more than once.",
            valueName: "name"))
    var webHost: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "The certificate to show to agents and browsers, as PEM, with those between it and its authority. With it all is over TLS: agents report with arobusts://.",
            valueName: "path"))
    var tlsCertificateFile: String?

    @ArgumentParser.Option(help: ArgumentHelp("Its key, as PEM, without a passphrase.", valueName: "path"))
    var tlsKeyFile: String?

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "Authorities of agents' certificates: others may not report. Browsers need none.", valueName: "path"))
    var tlsClientCaFile: String?

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "Lists of agents' certificates that these authorities have revoked (CRLs), as PEM. A list that has ended lets no agent in.",
            valueName: "path"))
    var tlsRevocationFile: String?

    @ArgumentParser.Option(help: ArgumentHelp("The most that is kept; the oldest goes first.", valueName: "size"))
    var storeSize = "4GiB"

    @ArgumentParser.Option(help: ArgumentHelp("How long it is kept.", valueName: "duration"))
    var storeAge = "168h"

    @ArgumentParser.Option(help: "The job's name, shown on the page. Also: JOB_UID.")
    var jobUID: String?
}

/// The flags, read and checked.
struct ConsoleChoice {
    let listen: ConsoleAddress?
    let token: String?
    /// Of what agents report to, and of the page; `nil`: plain text.
    let security: (reports: PEMFiles, page: PEMFiles)?
    let store: String
    let storeOptions: ConsoleStoreOptions
    let web: ConsoleOptions

    /// - Throws: a sentence about the first flag that is wrong.
    init(_ flags: ConsoleFlags, environment: [String: String] = ProcessEnvironment.all()) throws {
        listen = try Self.listenAddress(flags)
        guard let page = ConsoleAddress(flags.web, scheme: "") else {
            throw ConsoleFlagError(
                "--web is '\(flags.web)'; it must be an address, a colon and a port, as 127.0.0.1:8080")
        }
        token = try Self.token(flags.tokenFile, environment[ConsoleVariable.token])
        let webToken = try Self.token(flags.webTokenFile, environment[ConsoleVariable.webToken])
        security = try Self.security(flags)
        var options = ConsoleStoreOptions()
        guard let bytes = SizeText.read(flags.storeSize), bytes >= 16 << 20 else {
            throw ConsoleFlagError("--store-size is '\(flags.storeSize)'; it must be a size of at least 16MiB, as 4GiB")
        }
        guard let age = DurationText.read(flags.storeAge), age >= .seconds(60) else {
            throw ConsoleFlagError("--store-age is '\(flags.storeAge)'; it must be a duration of at least 1m, as 168h")
        }
        options.limitBytes = Int64(bytes)
        options.age = age
        storeOptions = options
        store = flags.store
        web = ConsoleOptions(
            host: page.host, port: page.port, names: flags.webHost, token: webToken ?? (page.isLoopback ? nil : token),
            job: flags.jobUID ?? environment["JOB_UID"])
    }

    private static func listenAddress(_ flags: ConsoleFlags) throws(ConsoleFlagError) -> ConsoleAddress? {
        guard let text = flags.listen else {
            return flags.stateDir.isEmpty && flags.connect.isEmpty
                ? ConsoleAddress(host: "127.0.0.1", port: 50052) : nil
        }
        guard text != "none" else { return nil }
        guard let address = ConsoleAddress(text) else {
            throw ConsoleFlagError("--listen is '\(text)'; it must be \(ConsoleAddress.rule), or none")
        }
        return address
    }

    private static func security(_ flags: ConsoleFlags) throws(ConsoleFlagError) -> (PEMFiles, PEMFiles)? {
        guard let certificate = flags.tlsCertificateFile, let key = flags.tlsKeyFile else {
            guard flags.tlsCertificateFile == nil, flags.tlsKeyFile == nil, flags.tlsClientCaFile == nil,
                flags.tlsRevocationFile == nil
            else {
                throw ConsoleFlagError("--tls-certificate-file and --tls-key-file must be given together")
            }
            return nil
        }
        guard flags.tlsRevocationFile == nil || flags.tlsClientCaFile != nil else {
            throw ConsoleFlagError("--tls-revocation-file needs --tls-client-ca-file, whose lists it has")
        }
        return (
            PEMFiles(
                authorities: flags.tlsClientCaFile, certificate: certificate, key: key,
                revocations: flags.tlsRevocationFile),
            PEMFiles(certificate: certificate, key: key)
        )
    }

    /// The file wins over the variable.
    private static func token(_ path: String?, _ variable: String?) throws -> String? {
        if let path { return try TokenFile(path: path).read() }
        guard let variable, !variable.isEmpty else { return nil }
        return variable
    }
}

/// A flag of `arobust console` cannot be used.
struct ConsoleFlagError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = TerminalText.line(description)
    }
}
