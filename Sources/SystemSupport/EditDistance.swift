/// How far a word is from another, to find out what somebody meant to write.
package enum EditDistance {
    /// A longer word is not compared.
    private static let longest = 60

    /// How many letters must be added, removed or replaced (Levenshtein).
    package static func between(_ word: some StringProtocol, _ other: some StringProtocol) -> Int {
        guard word.utf8.count <= longest, other.utf8.count <= longest else { return .max }
        let (word, other) = (Array(word), Array(other))
        var row = Array(0...other.count)
        for (index, letter) in word.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in other.indices {
                let above = row[column + 1]
                row[column + 1] = min(above + 1, row[column] + 1, diagonal + (letter == other[column] ? 0 : 1))
                diagonal = above
            }
        }
        return row[other.count]
    }

    /// The one of several words that somebody meant who wrote another: the nearest, if it is near enough.
    package static func nearest(to word: some StringProtocol, of words: [String]) -> String? {
        let near = words.map { (word: $0, distance: between(word.lowercased(), $0)) }.min { $0.distance < $1.distance }
        return near.flatMap { $0.distance <= (word.count < 4 ? 1 : 2) ? $0.word : nil }
    }
}
