/// The version of this program, as `arobust --version` and the `user-agent` header say it.
package enum ProductVersion {
    package static let text = "0.1.0"
}
