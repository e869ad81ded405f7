/// What a console keeps of what it was reported.
package enum ConsoleStoreFormat {
    /// The version of the database's tables; a newer one is refused.
    package static let version = 1
}
