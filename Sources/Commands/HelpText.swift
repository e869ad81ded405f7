/// Paragraphs that the help of several commands has in common. Lines of up to 78 characters stay as they are on a terminal of 80.
enum HelpText {
    static let masters = """
        Without --master, and none in AROBUST_MASTERS or the settings file, the
        master is the one in DLROVER_MASTER_ADDR. If that is not set either, there
        is a warning, and nobody is reported to.
        """

    static let settings = """
        The default state directory is /var/lib/arobust for root, else
        $XDG_STATE_HOME/arobust, else ~/.local/state/arobust. docs/settings.md
        describes the settings file; arobust config show lists all settings.
        """

    static let status = """
        Exit status: 0 when it ended as told, 1 if it failed, 64 for a wrong flag or
        setting.
        """
}
