/// Secrets that come in variables and are no settings, so that nothing ever shows them.
package enum ConsoleVariable {
    /// What agents bring to a console, and what a console wants of agents.
    package static let token = "AROBUST_CONSOLE_TOKEN"
    /// What a console wants of browsers.
    package static let webToken = "AROBUST_CONSOLE_WEB_TOKEN"

    static let all: Set<String> = [token, webToken]
}
