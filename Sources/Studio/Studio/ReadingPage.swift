import Claims
import Foundation
import JSON
import Reports

/// A reading as a page that stands alone: no script, nothing fetched.
struct ReadingPage {
    private let volume: Volume

    init(_ volume: Volume) { self.volume = volume }

    /// The page.
    var html: String {
        let reading = volume.reading, title = HTML.escaped(reading.title)
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>\(title)</title>
            <style>\(ReadingPage.style)</style></head>
            <body><main><h1>\(title)</h1>
            <p class="soft">Explained by \(HTML.escaped(reading.pair)), layer \(reading.layer.map { "\($0.value)" } ?? "unknown"); read \(HTML.escaped(reading.created)). \
            Under a token stands what the model has in mind there. The number, a cosine, says how well these words alone rebuild the \
            activation; it is no measure of truth.</p>
            \(notes(at: nil))
            <div class="text">\(tokens)</div>
            \(all)</main></body></html>

            """
    }

    private var tokenTexts: [String] { volume.reading.tokens.map(\.text) }

    /// Token over gloss.
    private var tokens: String {
        let best = Dictionary(grouping: volume.explanations, by: \.position.value).compactMapValues { list in
            list.max { ($0.cosine ?? -1) < ($1.cosine ?? -1) }
        }
        return tokenTexts.enumerated().map { position, token in
            let marked = isHighlighted(position) ? " class=\"marked\"" : ""
            var unit = "<span class=\"unit\"><b\(marked)>\(ReadingPage.shown(token))</b>"
            if let explanation = best[position] {
                unit += "<span>\(HTML.escaped(explanation.description))\(ReadingPage.score(explanation))</span>"
            }
            return unit + "</span>" + (token.contains("\n") ? "<br>" : "")
        }.joined(separator: "\n")
    }

    /// Everything that was said, token by token, with the notes.
    private var all: String {
        let texts = tokenTexts
        let positions = Set(volume.explanations.map(\.position) + volume.notes.compactMap(\.position)).map(\.value)
            .sorted()
        guard !positions.isEmpty else { return "" }
        return "<h2>All explanations and notes</h2>\n"
            + positions.map { position in
                let token = texts.indices.contains(position) ? texts[position] : ""
                let rows = volume.explanations.filter { $0.position.value == position }.map(row).joined(separator: "\n")
                return """
                    <section><h3>\(ReadingPage.shown(token)) <small>token \(position)</small></h3>
                    <ul>\(rows)</ul>\(notes(at: position))</section>
                    """
            }.joined(separator: "\n")
    }

    private func row(_ explanation: ExplanationRecord) -> String {
        let words =
            explanation.claims.isEmpty
            ? HTML.escaped(explanation.description)
            : explanation.claims.map { claim in
                let marks = [claim.confidence.map { "\($0.percent)% probable" }, claim.truth].compactMap(\.self)
                return HTML.escaped(claim.sentence)
                    + (marks.isEmpty ? "" : " <small>(\(HTML.escaped(marks.joined(separator: ", "))))</small>")
            }.joined(separator: " ")
        let origin = explanation.origin == .model ? "" : " <small>\(explanation.origin.rawValue)</small>"
        return "<li>\(words)\(ReadingPage.score(explanation))\(origin)</li>"
    }

    private func notes(at position: Int?) -> String {
        volume.notes.filter { $0.position?.value == position && !$0.text.isEmpty }.map {
            "<blockquote>\(HTML.escaped($0.text))</blockquote>"
        }.joined(separator: "\n")
    }

    private func isHighlighted(_ position: Int) -> Bool {
        volume.notes.contains { $0.position?.value == position && $0.highlighted }
    }

    private static func score(_ explanation: ExplanationRecord) -> String {
        explanation.cosine.map { String(format: " <small>%.2f</small>", $0) } ?? ""
    }

    /// A token with what cannot be seen made visible.
    private static func shown(_ token: String) -> String {
        let words = token.replacing("\n", with: "⏎").trimmingCharacters(in: .whitespaces)
        return HTML.escaped(words.isEmpty ? "␣" : words)
    }

    private static let style = """
        :root { color-scheme: light dark; --ink: #1c1b19; --soft: #6a6862; --line: #dcd9d2; --paper: #fdfcf9; --mark: #f6e7a8; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e9e6e0; --soft: #a6a29a; --line: #3b3934; --paper: #181715; --mark: #5b4d14; } }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.55 Georgia, serif; }
        main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
        h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 1.4rem 0 .2rem; }
        small, .soft { color: var(--soft); font: .8rem/1.5 system-ui, sans-serif; }
        .text { display: flow-root; } .unit { display: inline-block; vertical-align: top; max-width: 15rem; margin: 0 .7rem 1rem 0; }
        .unit b { display: block; font-weight: 600; } .unit > span { display: block; font: .85rem/1.4 system-ui, sans-serif; }
        .marked { background: var(--mark); } ul { margin: 0; padding-left: 1.2rem; }
        blockquote { margin: .4rem 0; padding-left: .8rem; border-left: 3px solid var(--line); white-space: pre-wrap; }
        """
}
