/// Whether a name is one for secrets, and how surely: `hf_token` and `accessToken` are; `tokenizer`, `max-tokens` and `token-file` are not.
enum SecretName {
    enum Certainty {
        /// What has this name is hidden.
        case strong
        /// The name has other meanings, too (`key`): what has it is hidden where names are given values, or if it looks like a secret.
        case weak
    }

    /// How long a name may be, in bytes.
    static let longest = 64

    /// - Parameter name: letters, digits, `_`, `-` and `.`
    /// - Returns: `nil` for a name of something else.
    static func certainty(_ name: ArraySlice<UInt8>) -> Certainty? {
        let words = words(of: name.suffix(longest))
        guard let last = words.last else { return nil }
        if last == "id", words.dropLast().last == "secret" { return .strong }
        guard !harmlessEnds.contains(last), !endsInFile(name) else { return nil }
        if words.contains(where: isStrong) { return .strong }
        if words.contains(where: isToken) {
            return words.contains(where: specialTokens.contains) ? nil : .strong
        }
        if words.contains("pass") || words.contains("pw") || words.contains("pat") {
            if words.contains(where: harmlessPasses.contains) { return nil }
            return words.dropLast().contains(where: passOwners.contains) ? .strong : .weak
        }
        if let place = words.firstIndex(where: { $0 == "key" || $0 == "keys" }) {
            let before = words[..<place]
            if before.contains(where: harmlessKeys.contains) { return nil }
            return before.contains(where: keyOwners.contains) ? .strong : .weak
        }
        if last == "tokens" {
            guard !words.contains(where: specialTokens.contains) else { return nil }
            return words.dropLast().contains(where: keyOwners.contains) ? .strong : .weak
        }
        return words.contains(where: weakWords.contains) ? .weak : nil
    }

    /// Whether a sentence may have this word before a colon: `unexpected token: x`.
    static func isOrdinary(_ name: ArraySlice<UInt8>) -> Bool {
        let words = words(of: name)
        return words.count == 1 && words.allSatisfy { ordinaryWords.contains($0) }
    }

    /// Whether several secrets may stand behind it: `--api-keys X Y`.
    static func isPlural(_ name: ArraySlice<UInt8>) -> Bool {
        guard let last = words(of: name).last else { return false }
        return last.hasSuffix("s") && !last.hasSuffix("ss")
    }

    private static let strongWords: Set<String> = [
        "secret", "secrets", "credential", "credentials", "creds", "cred", "mnemonic", "authorization", "bearer",
        "cookie", "pwd", "passcode",
        "jwt", "phpsessid", "jsessionid", "sessid", "dbpass", "rootpw", "keytabpassword", "passphrases", "passwords",
        "apikeys",
    ]
    private static let weakWords: Set<String> = [
        "auth", "ak", "sk", "sessionid", "csrf", "xsrf", "totp", "passin", "passout", "otp",
    ]
    private static let ordinaryWords: Set<String> = [
        "token", "secret", "secrets", "credential", "credentials", "cookie", "bearer", "jwt",
    ]
    /// Of words that have grown together: `PGPASSWORD`, `clientsecret`, `awssecretaccesskey`.
    private static let strongStems = ["password", "passwd", "passwort", "passphrase", "apikey"]
    private static let strongSuffixes = [
        "secret", "accesskey", "secretkey", "privatekey", "authkey", "credential", "credentials", "pwd",
    ]

    private static func isStrong(_ word: String) -> Bool {
        if strongWords.contains(word) { return true }
        guard word.utf8.count > 5 else { return false }
        for stem in strongStems {
            guard let place = word.firstRange(of: stem) else { continue }
            let rest = String(word[place.upperBound...])
            return rest.isEmpty || !harmlessEnds.contains(rest) && !harmlessRests.contains(rest)
        }
        if word.hasSuffix("key"), keyOwners.contains(String(word.dropLast(3))) { return true }
        if word.hasSuffix("pass"), passOwners.contains(String(word.dropLast(4))) { return true }
        return strongSuffixes.contains { word.hasSuffix($0) }
    }

    /// `token`, and what has grown together with it: `githubtoken`, but not `eostoken`.
    private static func isToken(_ word: String) -> Bool {
        if word == "token" { return true }
        guard word.hasSuffix("token") else { return false }
        let before = word.dropLast(5)
        return !specialTokens.contains(String(before))
    }

    private static func endsInFile(_ name: ArraySlice<UInt8>) -> Bool {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else { return false }
        return fileTypes.contains(String(decoding: name[(dot + 1)...], as: UTF8.self).lowercased())
    }

    private static let fileTypes: Set<String> = [
        "yaml", "yml", "json", "txt", "toml", "ini", "cfg", "conf", "py", "sh", "md", "csv", "log", "db", "pem", "crt",
        "xml",
        "go", "rs", "c", "cc", "cpp", "h", "js", "ts", "java", "swift",
    ]
    /// With these at its end a name means something about a secret, or no secret at all: `--token-file`, `--pad-token-id`, `--key-dim`.
    private static let harmlessEnds: Set<String> = [
        "file", "files", "path", "dir", "directory", "folder", "name", "names", "id", "ids", "type", "types", "len",
        "length", "size", "count", "counts", "limit", "index", "dim", "mask", "heads", "padding", "error", "errors",
        "exception", "warning", "weight", "weights", "bias", "norm", "states", "cache", "layer", "layers", "embedding",
        "embeddings", "tensor", "shape", "dtype", "version", "format", "mode", "method", "url", "uri", "provider",
        "manager", "sec", "second", "seconds", "rate", "ratio", "loss", "prob", "pos", "position", "positions",
        "number", "usage", "budget", "expiry", "expires", "ttl", "enabled", "required", "acc", "accuracy", "stdin",
        "prompt",
        "policy", "backend", "bucket", "algorithm", "plugin", "plugins", "less", "throughput", "time", "latency",
        "generator",
        "handler", "store", "helper", "class", "env", "field", "header",
    ]
    private static let harmlessRests: Set<String> = ["s", "ed", "es", "auth"]
    /// A language model's own tokens, and counts of them: `--eos-token </s>`.
    private static let specialTokens: Set<String> = [
        "eos", "bos", "pad", "unk", "mask", "sep", "cls", "image", "special", "num", "max", "min", "per", "prompt",
        "input", "output", "completion", "start", "end", "embed", "embedding", "vocab", "tokenizer", "model", "n",
        "total",
        "new", "next", "prev", "last", "first", "avg", "mean", "text", "audio", "video", "word", "sub", "seen", "train",
        "eval", "consumed", "processed", "generated", "cached", "batch", "global", "target", "label", "extra",
        "additional",
        "added", "think", "tool", "stop", "system", "assistant", "nan", "multi", "by", "begin", "header", "decoder",
        "encoder",
    ]
    /// Whose keys are secrets.
    private static let keyOwners: Set<String> = [
        "api", "access", "secret", "private", "auth", "account", "storage", "service", "signing", "encryption",
        "license", "ssh", "rsa", "aws", "azure", "hf", "openai", "anthropic", "wandb", "nvidia", "ngc", "nvapi",
        "comet",
        "neptune", "shared", "session", "client", "subscription", "app", "consumer", "master", "admin", "x", "deploy",
        "fernet", "hmac", "crypto", "cipher", "jwt", "stripe", "sendgrid", "twilio", "datadog", "dd", "sentry",
        "langchain",
        "langsmith", "github", "gitlab", "gemini", "mistral", "cohere", "groq", "huggingface", "clearml", "mlflow",
        "minio", "oss", "cos", "gpg", "pgp", "tls", "ssl", "registry", "root", "webhook", "bot",
    ]
    private static let harmlessKeys: Set<String> = [
        "primary", "foreign", "sort", "cache", "partition", "public", "dict", "missing", "unexpected", "query",
        "attention", "attn", "routing", "row", "hot",
    ]
    /// Whose `pass` or `pw` is a password.
    private static let passOwners: Set<String> = [
        "db", "database", "mysql", "mariadb", "pg", "postgres", "redis", "mongo", "user", "smtp", "imap", "mail",
        "email", "root",
        "admin", "ftp", "sftp", "ssh", "http", "https", "proxy", "registry", "docker", "git", "github", "gitlab",
        "azure", "ado",
        "ldap", "sudo", "key", "keystore", "truststore", "login", "auth", "my", "api", "app", "service", "rabbitmq",
        "amqp",
        "minio", "es", "elastic", "kafka", "influx", "clickhouse", "vault", "devops", "bitbucket", "jira", "u", "d",
    ]
    private static let harmlessPasses: Set<String> = [
        "forward", "backward", "first", "second", "last", "per", "num", "rate", "test", "tests", "multi", "single",
        "full", "n",
        "at", "low", "high", "band",
    ]

    /// The words of `hf_token`, `accessToken`, `APIKey` and `X-Api-Key`, in lower case.
    private static func words(of name: ArraySlice<UInt8>) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        func endWord() {
            if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
            word = []
        }
        for (index, byte) in zip(name.indices, name) {
            guard isLetter(byte) else {
                endWord()
                continue
            }
            let followsLower = index > name.startIndex && isLower(name[index - 1])
            let isUpper = !isLower(byte)
            let startsWord =
                index > name.startIndex && isLetter(name[index - 1]) && !isLower(name[index - 1])
                && index + 1 < name.endIndex && isLower(name[index + 1])
            if isUpper, followsLower || startsWord { endWord() }
            word.append(byte | 0x20)
        }
        endWord()
        return words
    }

    private static func isLetter(_ byte: UInt8) -> Bool { isLower(byte | 0x20) }
}
