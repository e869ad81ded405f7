/// Compares secrets.
package enum SecretComparison {
    /// Takes as long for a guess that is nearly right as for any other of its length.
    package static func isEqual(_ given: String, _ secret: String) -> Bool {
        let (left, right) = (Array(given.utf8), Array(secret.utf8))
        var difference = left.count == right.count ? 0 : 1 as UInt8
        for index in left.indices { difference |= left[index] ^ right[index % max(1, right.count)] }
        return difference == 0
    }
}
