internal import LogText

/// A flame graph of stacks over ranks, as one SVG without anything from outside: the width is the number of ranks, the colour says which ranks
/// they are, a click zooms, and Ctrl-F searches (functions, files, or a rank).
package struct FlameGraph {
    private static let width = 1200.0
    private static let row = 18
    private static let top = 58
    private static let mostFrames = 20_000

    /// A frame and what was called from it.
    private struct Node {
        var title: String
        var ranks = RankSet()
        var threads = 0
        var children: [Int] = []
        var depth: Int
    }

    private var nodes: [Node] = [Node(title: "all", depth: 0)]

    package init(_ groups: [StackGroup]) {
        for group in groups.sorted(by: { $0.collapsed < $1.collapsed }) { add(group) }
    }

    private mutating func add(_ group: StackGroup) {
        var names = group.frames.reversed().map(\.text)
        if let thread = group.thread { names.insert("thread \(thread)", at: 0) }
        if names.isEmpty { names = [group.collapsed] }
        var place = 0
        count(group, at: 0)
        for (index, name) in names.enumerated() {
            let title =
                index == names.count - 1 && !group.remarks.isEmpty
                ? "\(name) [\(group.remarks.joined(separator: ", "))]" : name
            if let known = nodes[place].children.first(where: { nodes[$0].title == title }) {
                place = known
            } else {
                guard nodes.count < Self.mostFrames else { return }
                nodes.append(Node(title: title, depth: nodes[place].depth + 1))
                nodes[place].children.append(nodes.count - 1)
                place = nodes.count - 1
            }
            count(group, at: place)
        }
    }

    private mutating func count(_ group: StackGroup, at place: Int) {
        nodes[place].ranks.formUnion(group.ranks)
        nodes[place].threads += group.ranks.count
    }

    package var svg: [UInt8] {
        let depth = nodes.map(\.depth).max() ?? 0
        let height = Self.top + (depth + 1) * Self.row + 12
        var text = """
            <?xml version="1.0" encoding="UTF-8" standalone="no"?>
            <svg xmlns="http://www.w3.org/2000/svg" version="1.1" width="1200" height="\(height)" viewBox="0 0 1200 \(height)" \
            font-family="monospace" font-size="12">
            <style>g.f:hover rect { stroke: #000; } g.f { cursor: pointer; } .hit rect { fill: #e600e6; }</style>
            <rect width="100%" height="100%" fill="#f8f8f8"/>
            <text x="600" y="22" text-anchor="middle" font-size="15">arobust hang: \(Self.escaped(nodes[0].ranks.title))</text>
            <text id="detail" x="8" y="44">Click: zoom. Ctrl-F: search a function, a file, or rank:N.</text>
            <text id="found" x="1192" y="44" text-anchor="end"></text>

            """
        draw(into: &text)
        text += "<script><![CDATA[\(Self.script)]]></script>\n</svg>\n"
        return Array(text.utf8)
    }

    private func draw(into text: inout String) {
        var open = [(place: 0, x: 0.0, width: Self.width)]
        while let (place, x, width) = open.popLast() {
            let node = nodes[place]
            let y = Self.top + node.depth * Self.row
            let title = Self.escaped("\(node.title): \(node.ranks.title)")
            let room = Int(width / 7.3)
            let label =
                room < 3 ? "" : node.title.count <= room ? node.title : String(node.title.prefix(room - 1)) + "…"
            text += """
                <g class="f" data-x="\(Self.number(x))" data-w="\(Self.number(width))" data-t="\(Self.escaped(node.title))" \
                data-r="\(node.ranks)"><title>\(title)</title><rect x="\(Self.number(x))" y="\(y)" width="\(Self.number(max(0.3, width)))" \
                height="\(Self.row - 1)" rx="1" fill="\(colour(node))"/><text x="\(Self.number(x + 3))" y="\(y + 13)">\(Self.escaped(label))</text></g>

                """
            var left = x
            for child in node.children {
                let share = width * Double(nodes[child].threads) / Double(max(1, node.threads))
                open.append((child, left, share))
                left += share
            }
        }
    }

    /// The same ranks have the same colour in all rows, so that the odd one is seen at once.
    private func colour(_ node: Node) -> String {
        let hue = StableHash.hex(of: "\(node.ranks)").utf8.reduce(0) { ($0 &* 31 &+ Int($1)) % 360 }
        return node.depth == 0 ? "#d8d8d8" : "hsl(\(hue),62%,72%)"
    }

    private static func number(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// Text for XML. Characters that XML 1.0 does not know are replaced.
    private static func escaped(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(600) {
            switch scalar {
            case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
            case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
            case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
            default:
                let isAllowed = scalar.value >= 0x20 && scalar.value != 0xFFFE && scalar.value != 0xFFFF
                escaped.append(isAllowed ? scalar : "\u{FFFD}")
            }
        }
        return String(escaped)
    }

    private static let script = """

        const all = [...document.querySelectorAll("g.f")], W = 1200;
        const data = all.map(g => ({g, x: +g.dataset.x, w: +g.dataset.w, t: g.dataset.t, r: g.dataset.r}));
        function show(x0, w0) {
          for (const d of data) {
            const x = (d.x - x0) * W / w0, w = d.w * W / w0, visible = x < W - 0.01 && x + w > 0.01;
            d.g.style.display = visible ? "" : "none";
            if (!visible) continue;
            const left = Math.max(0, x), width = Math.min(W, x + w) - left;
            const [rect, text] = [d.g.querySelector("rect"), d.g.querySelector("text")];
            rect.setAttribute("x", left); rect.setAttribute("width", Math.max(0.3, width));
            text.setAttribute("x", left + 3);
            const room = Math.floor(width / 7.3);
            text.textContent = room < 3 ? "" : d.t.length <= room ? d.t : d.t.slice(0, room - 1) + "…";
          }
        }
        function has(ranges, rank) {
          return ranges.split("/").some(p => { const [a, b] = p.split("-").map(Number); return a <= rank && rank <= (b ?? a); });
        }
        function search(text) {
          let hits = 0;
          const rank = /^rank:(\\d+)$/.exec(text || "");
          for (const d of data) {
            const hit = text ? (rank ? has(d.r, +rank[1]) : d.t.toLowerCase().includes(text.toLowerCase())) : false;
            d.g.classList.toggle("hit", hit);
            hits += hit;
          }
          document.getElementById("found").textContent = text ? hits + " frames with " + text : "";
        }
        for (const d of data) {
          d.g.addEventListener("click", () => show(d.x, d.w));
          d.g.addEventListener("mouseover", () => {
            document.getElementById("detail").textContent = d.t + ": ranks " + d.r;
          });
        }
        window.addEventListener("keydown", event => {
          if (event.key === "f" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); search(prompt("Search")); }
          if (event.key === "Escape") { search(""); show(0, W); }
        });

        """
}
