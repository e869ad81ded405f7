internal import ArgumentParser
internal import Diagnosis
internal import SystemSupport
internal import ZMQBridge

/// `arobust keys`
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Make and show the keys for the bus over the network.",
        discussion: """
            The publisher has a pair, and so has each client. The publisher knows the
            public keys of its clients (publisher.authorized-keys), each client that of
            the publisher (--server-key). docs/operations.md shows all of it.
            """,
        subcommands: [NewKeysCommand.self, PublicKeyCommand.self])
}

/// `arobust keys new`
struct NewKeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Make a key pair: NAME.key for others, NAME.key_secret for its owner.",
        discussion: """
            Prints the line that authorizes the key. The files are those of pyzmq's
            zmq.auth.create_certificates, which others read, too. No file is ever
            replaced.

              arobust keys new /etc/arobust/bridge-7

            Exit status: 0 when both files are written, 1 if not, 64 for a wrong name.
            """)

    @ArgumentParser.Argument(help: "The files' name, without .key. Its last part is the key's name.")
    var name: String

    private var shortName: String { String(name.split(separator: "/").last ?? "") }

    func validate() throws {
        guard TopicWord.isValid(shortName), !name.hasSuffix("/") else {
            throw ValidationError("the name is '\(name)'; its last part must be \(TopicWord.rule)")
        }
    }

    func run() async throws {
        try await CommandFailure.wrap {
            let pair = try CurveKeyPair()
            let made = "Made by arobust \(ProductVersion.text) at \(TimeText.write(WallClock.seconds()))"
            try CurveKeyFile.write(pair, name: name, made: made)
            try StandardOutput.write(.lines(["\(pair.publicKey.text) \(shortName)"]))
        }
    }
}

/// `arobust keys public`
struct PublicKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "public",
        abstract: "Print the public key of a key file, of either kind.",
        discussion: """
              arobust keys public /etc/arobust/publisher.key_secret

            Exit status: 0 if it has one, 1 if not.
            """)

    @ArgumentParser.Argument(help: "NAME.key or NAME.key_secret.")
    var file: String

    func run() async throws {
        try await CommandFailure.wrap {
            try StandardOutput.write(.lines([try CurveKeyFile(path: file).readPublicKey().text]))
        }
    }
}
