internal import DLRoverListener
internal import MasterClients

extension AgentSettings {
    /// Where DLRover's own clients may call; `nil`: nowhere.
    func listenAddress() throws(SettingsError) -> ListenAddress? {
        guard let text = values.text("listen") else { return nil }
        guard let address = ListenAddress(text) else {
            throw SettingsError(
                place: place(of: "listen"), reason: "listen is '\(text)'; it must be \(ListenAddress.rule)")
        }
        return address
    }
}
