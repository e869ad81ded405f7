/// What each of our own metrics means: the text of its `# HELP` line. A metric that is added to the program is added here.
public enum MetricCatalog {
    public static let help = [
        "arobust_alarm": "1 while something needs an operator's attention, else 0, by what, where and why.",
        "arobust_alarm_began_at_seconds": "When the alarm began, in seconds since 1970; 0 while there is none.",
        "arobust_listener_calls_total": "Calls of DLRover's own clients, by what became of them.",
        "arobust_log_bytes_total": "Bytes of the training log that were reported.",
        "arobust_log_finding_seen_at_seconds":
            "When a line of a followed log last hit the rule, in seconds since 1970; file: the log with that line.",
        "arobust_log_findings_total": "Hits of failure rules in the followed logs, by the rules' domain and role.",
        "arobust_log_lines_total": "Lines of the training log that were reported.",
        "arobust_scrape_up": "1 if the last scrape gave a page with metrics, else 0.",
        "arobust_scrapes_total": "Rounds of scraping the XPU timer's page, by what came of them.",
        "arobust_stack_dumps_total": "Processes whose stacks were asked for, by what could be had.",
        "arobust_telemetry_refused_series_total":
            "Self-metrics that are not kept: there are too many, or one name has two kinds.",
        "arobust_telemetry_written_at_seconds": "When this text was written, in seconds since 1970.",
        "arobust_up": "1 while the process runs, 0 after a clean end.",
    ]
}
