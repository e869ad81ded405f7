private import Glibc

/// A file that a flag names, with or without the rank that it is of: `7=stacks.txt`.
struct RankedPath {
    let path: String
    let rank: Int?

    /// A file that is there under the whole text is meant, also where its path looks like `RANK=PATH`: `7=x/train.log`.
    init(_ text: String) {
        guard access(text, F_OK) != 0, let sign = text.firstIndex(of: "="), let rank = Int(text[..<sign]), rank >= 0
        else {
            (path, self.rank) = (text, nil)
            return
        }
        (path, self.rank) = (String(text[text.index(after: sign)...]), rank)
    }
}
