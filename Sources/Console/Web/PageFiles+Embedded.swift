extension PageFiles {
    /// The files of Sources/Console/Resources, which Package.swift has compiled in.
    static let embedded = PageFiles([
        "/app/api.js": PackageResources.api_js,
        "/app/app.css": PackageResources.app_css,
        "/app/chart.js": PackageResources.chart_js,
        "/app/delivery.js": PackageResources.delivery_js,
        "/app/dom.js": PackageResources.dom_js,
        "/app/failures.js": PackageResources.failures_js,
        "/app/flame.js": PackageResources.flame_js,
        "/app/heatmap.js": PackageResources.heatmap_js,
        "/app/icon.svg": PackageResources.icon_svg,
        "/app/incidents.js": PackageResources.incidents_js,
        "/": PackageResources.index_html,
        "/app/live.js": PackageResources.live_js,
        "/app/loglist.js": PackageResources.loglist_js,
        "/app/logs.js": PackageResources.logs_js,
        "/app/main.js": PackageResources.main_js,
        "/app/metrics.js": PackageResources.metrics_js,
        "/app/overview.js": PackageResources.overview_js,
        "/app/rank.js": PackageResources.rank_js,
        "/app/stacks.js": PackageResources.stacks_js,
        "/app/text.js": PackageResources.text_js,
        "/app/time.js": PackageResources.time_js,
    ])
}
