/// Tokens that are known by their shape, whatever name they have.
enum KnownToken {
    /// Prefix, least length of the rest, and whether the rest is letters and digits only. From the issuers' own documents.
    private static let shapes: [(prefix: [UInt8], least: Int, isPlain: Bool)] = [
        ("hf_", 30, true), ("hf_oauth_", 12, false), ("hf_jwt_", 8, false), ("api_org_", 30, true),
        // GitHub, GitLab.
        ("ghp_", 30, true), ("gho_", 30, true), ("ghu_", 30, true), ("ghs_", 30, true), ("ghr_", 30, true),
        ("github_pat_", 22, false), ("glpat-", 16, false), ("glrt-", 16, false), ("gldt-", 16, false),
        ("glptt-", 16, false),
        ("glcbt-", 16, false), ("glsoat-", 16, false), ("glft-", 16, false), ("glimt-", 16, false),
        ("glagent-", 16, false),
        ("gloas-", 16, false), ("glffct-", 16, false), ("GR1348941", 16, false),
        // OpenAI and those who do as it does, Stripe.
        ("sk-", 20, false), ("sk_live_", 16, false), ("sk_test_", 16, false), ("rk_live_", 16, false),
        ("rk_test_", 16, false),
        ("whsec_", 16, false), ("gsk_", 20, true), ("xai-", 20, true), ("pplx-", 20, true), ("csk-", 20, true),
        ("fw_", 20, true),
        ("tgp_v1_", 20, false), ("jina_", 30, false), ("nvapi-", 20, false), ("r8_", 30, true), ("rpa_", 30, true),
        ("wandb_v1_", 20, false), ("pcsk_", 20, false), ("lsv2_", 20, false), ("ls__", 20, true),
        ("esecret_", 16, false),
        // Slack.
        ("xoxa-", 16, false), ("xoxb-", 16, false), ("xoxc-", 16, false), ("xoxd-", 16, false), ("xoxe-", 16, false),
        ("xoxe.xoxp-", 16, false), ("xoxe.xoxb-", 16, false), ("xoxp-", 16, false), ("xoxr-", 16, false),
        ("xoxs-", 16, false),
        ("xapp-", 16, false), ("xwfp-", 16, false),
        // Clouds.
        ("AKIA", 16, true), ("ASIA", 16, true), ("ABIA", 16, true), ("ACCA", 16, true), ("AIza", 30, false),
        ("GOCSPX-", 20, false), ("ya29.", 20, false), ("1//0", 20, false), ("LTAI5t", 16, true), ("AKID", 30, true),
        ("dop_v1_", 30, true), ("doo_v1_", 30, true), ("dor_v1_", 30, true), ("FwoGZXIvYXdz", 30, false),
        ("IQoJb3JpZ2lu", 30, false),
        ("eyJ", 20, false),
        // Registries and tools.
        ("npm_", 30, true), ("pypi-", 30, false), ("rubygems_", 30, true), ("dckr_pat_", 20, false),
        ("dckr_oat_", 20, false),
        ("hvs.", 20, false), ("hvb.", 20, false), ("hvr.", 20, false), ("dapi", 32, true), ("dp.pt.", 20, true),
        ("dp.st.", 20, false),
        ("glsa_", 20, false), ("glc_", 30, false), ("tskey-", 16, false), ("figd_", 20, false), ("sntrys_", 20, false),
        ("sntryu_", 30, true), ("ATATT", 30, false), ("ATCTT", 30, false), ("ATBB", 24, true), ("PMAK-", 24, false),
        ("shpat_", 24, true), ("shpss_", 24, true), ("shpca_", 24, true), ("shppa_", 24, true), ("sq0atp-", 20, false),
        ("sq0csp-", 30, false), ("SG.", 40, false), ("lin_api_", 30, true), ("ntn_", 30, true), ("phx_", 30, true),
        ("sbp_", 30, true), ("pul-", 40, true), ("CFPAT-", 30, false), ("NRAK-", 20, true),
        ("AGE-SECRET-KEY-1", 30, true),
        ("flyv1_", 30, false), ("fm2_", 30, false), ("nfp_", 30, true), ("EAAC", 30, true), ("SWMTKN-1-", 30, false),
        ("oy2", 40, true), ("key-", 32, true), ("atlasv1.", 30, false), ("secret_", 40, true), ("ops_eyJ", 30, false),
        ("AQoDYXdz", 30, false),
    ].map { (Array($0.0.utf8), $0.1, $0.2) }
    private static let firstBytes = ByteSet(String(decoding: shapes.map { $0.prefix[0] }, as: UTF8.self))
    /// Within how many bytes of a token there is a digit: a name with words, such as `sk-learn-a-long-name`, has hardly one.
    private static let digitHorizon = 64

    /// The end of the token that begins here, if one does.
    static func end(in text: [UInt8], from index: Int) -> Int? {
        guard firstBytes.contains(text[index]) else {
            return endOfBotToken(in: text, from: index) ?? endOfWandBKey(in: text, from: index)
        }
        for shape in shapes where text[index...].starts(with: shape.prefix) {
            let start = index + shape.prefix.count
            func isPart(_ byte: UInt8) -> Bool {
                isPlain(byte) || !shape.isPlain && "_-.".utf8.contains(byte)
            }
            let head = text[start...].prefix(digitHorizon).prefix(while: isPart)
            guard head.count >= shape.least, head.contains(where: { $0 < 0x3A && $0 >= 0x30 }) else { continue }
            // Any JSON in base64 begins like that, DeepSpeed's --world_info for example; a web token's first part ends with a dot.
            let first = text[start...].prefix(512).prefix(while: isPart)
            guard shape.prefix != Array("eyJ".utf8) || first.contains(UInt8(ascii: ".")) else { continue }
            return text[start...].firstIndex { !isPart($0) } ?? text.count
        }
        return endOfBotToken(in: text, from: index) ?? endOfWandBKey(in: text, from: index)
    }

    /// Telegram's: a number, a colon, 35 characters.
    private static func endOfBotToken(in text: [UInt8], from index: Int) -> Int? {
        let number = text[index...].prefix(11).prefix(while: isDigit)
        guard number.count >= 8, text[number.endIndex...].starts(with: ":AA".utf8) else { return nil }
        let rest = text[(number.endIndex + 1)...].prefix(64).prefix {
            isPlain($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
        }
        return rest.count >= 33 ? rest.endIndex : nil
    }

    private static let login = Array("wandb login ".utf8)

    /// 40 hexadecimal digits after `wandb login`, perhaps with a flag between.
    private static func endOfWandBKey(in text: [UInt8], from index: Int) -> Int? {
        guard index >= login.count, text[index - 1] == 0x20, isHexadecimal(text[index]) else { return nil }
        let digits = text[index...].prefix(41).prefix(while: isHexadecimal)
        guard digits.count == 40 else { return nil }
        let before = text[max(0, index - 40)..<index]
        return before.indices.contains { before[$0...].starts(with: login) } ? digits.endIndex : nil
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (byte >= 0x30 && byte < 0x3A) || (byte >= 0x61 && byte < 0x67)
    }
}
