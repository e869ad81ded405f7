/// The version of this program, as `arobust --version` and the `user-agent` header say it.
public enum ProductVersion {
    public static let text = "0.1.0"
}
