/// What a completed call changed beside the ledger, for the log.
struct CallEffect {
    /// Whether an envelope was refused for good.
    var refused = false
    /// Whether the master cannot take any of its data type until it restarts.
    var poisoned = false
    /// For how long its data type is held from now on, if it is.
    var heldFor: Duration?
    /// Whether its data type was held and goes again.
    var released = false
}
