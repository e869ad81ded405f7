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
        guard let last = words.last, !harmlessEnds.contains(last) else { return nil }
        if words.contains(where: strongWords.contains) { return .strong }
        if words.contains("token") {
            guard words.allSatisfy({ !specialTokens.contains($0) }) else { return nil }
            return .strong
        }
        if let place = words.firstIndex(where: { $0 == "key" || $0 == "keys" }) {
            let before = words[..<place]
            if before.contains(where: harmlessKeys.contains) { return nil }
            return before.contains(where: keyOwners.contains) ? .strong : .weak
        }
        return words.contains(where: weakWords.contains) ? .weak : nil
    }

    /// Whether a sentence may have this word before a colon: `unexpected token: x`.
    static func isOrdinary(_ name: ArraySlice<UInt8>) -> Bool {
        let words = words(of: name)
        return words.count == 1 && words.allSatisfy { ordinaryWords.contains($0) }
    }

    private static let strongWords: Set<String> = [
        "password", "passwd", "passphrase", "secret", "secrets", "apikey", "apikeys", "credential", "credentials",
        "authorization", "bearer", "accesstoken", "authtoken", "hftoken", "secretkey", "accesskey", "privatekey",
        "cookie", "pwd", "passcode", "apitoken",
    ]
    private static let weakWords: Set<String> = ["auth"]
    private static let ordinaryWords: Set<String> = [
        "token", "secret", "secrets", "credential", "credentials", "cookie", "bearer",
    ]
    /// With these at its end a name means something about a secret, or no secret at all: `--token-file`, `--pad-token-id`, `--key-dim`.
    private static let harmlessEnds: Set<String> = [
        "file", "files", "path", "dir", "directory", "folder", "name", "names", "id", "ids", "type", "types", "len",
        "length", "size", "count", "counts", "limit", "index", "dim", "mask", "heads", "padding", "error", "errors",
        "exception", "warning", "weight", "weights", "bias", "norm", "states", "cache", "layer", "layers", "embedding",
        "embeddings", "tensor", "shape", "dtype", "version", "format", "mode", "method", "url", "uri", "provider",
        "manager", "sec", "second", "seconds", "rate", "ratio", "loss", "prob", "pos", "position", "positions",
        "number",
        "usage", "budget", "expiry", "expires", "ttl", "enabled", "required",
    ]
    /// A language model's own tokens, and counts of them: `--eos-token </s>`.
    private static let specialTokens: Set<String> = [
        "eos", "bos", "pad", "unk", "mask", "sep", "cls", "image", "special", "num", "max", "min", "per", "prompt",
        "input", "output", "completion", "start", "end", "embed", "embedding", "vocab", "tokenizer", "model",
    ]
    /// Whose keys are secrets.
    private static let keyOwners: Set<String> = [
        "api", "access", "secret", "private", "auth", "account", "storage", "service", "signing", "encryption",
        "license",
        "ssh", "rsa", "aws", "azure", "hf", "openai", "anthropic", "wandb", "nvidia", "ngc", "nvapi", "comet",
        "neptune",
        "shared", "session", "client", "subscription", "app", "consumer", "master", "admin", "x", "deploy",
    ]
    private static let harmlessKeys: Set<String> = [
        "primary", "foreign", "sort", "cache", "partition", "public", "dict", "missing", "unexpected", "query",
        "attention",
        "attn", "routing", "row", "hot",
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
    private static func isLower(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }
}
