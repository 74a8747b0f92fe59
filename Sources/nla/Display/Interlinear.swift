import Autoencoder
import Claims
import Faithfulness
import Foundation
import JSON
import Runs
import Tensors
import Tokenization

/// The page of `nla explain`: each token in its context, its explanation on the lines below.
struct Interlinear {
    let ids: [Int32]
    let tokenizer: Tokenizer
    /// The confidence below which claims are called doubtful.
    let doubtBelow: Double
    /// What another pair says of the same tokens.
    let beside: Beside?
    let style = Style()

    /// Colour and width, where standard output is a terminal.
    struct Style {
        let isTerminal = isatty(1) == 1
        let usesColour: Bool
        let width: Int

        init() {
            let environment = ProcessInfo.processInfo.environment
            usesColour = isatty(1) == 1 && environment["NO_COLOR"]?.isEmpty != false && environment["TERM"] != "dumb"
            var size = winsize()
            let hasSize = isatty(1) == 1 && ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
            width = max(40, min(120, hasSize ? Int(size.ws_col) : environment["COLUMNS"].flatMap(Int.init) ?? 100))
        }

        func bold(_ text: String) -> String { usesColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
        func dim(_ text: String) -> String { usesColour ? "\u{1B}[2m\(text)\u{1B}[0m" : text }

        /// Green for words that hold, yellow and red for those that do not.
        func judged(_ text: String, _ cosine: Double) -> String {
            usesColour ? "\u{1B}[\(cosine >= 0.8 ? 32 : cosine >= 0.5 ? 33 : 31)m\(text)\u{1B}[0m" : text
        }
    }

    /// A token with its explanation.
    ///
    /// - Parameter claims: the explanation's sentences with the confidence in them; nil where none is known.
    func block(_ row: TextExplainer.Row, position: Int, _ claims: [ConfidenceReader.Sentence]? = nil) -> String {
        let number = String(position).leftPadded(to: 5)
        let token = Interlinear.visible(DisplayedToken.text(of: ids, at: position, tokenizer))
        let before = Interlinear.visible(
            tokenizer.decode(Array(ids[max(0, position - 24)..<position]), skipSpecialTokens: false))
        let after = Interlinear.visible(
            tokenizer.decode(Array(ids[(position + 1)..<min(ids.count, position + 9)]), skipSpecialTokens: false))
        let score = scoreText(row)
        let room = max(10, style.width - 7 - 2 - token.count - score.plain.count - 4)
        let left = String(before.suffix(room * 2 / 3)),
            right = String(after.prefix(room - min(left.count, room * 2 / 3)))
        let cutLeft = left.count < before.count || position > 24 ? "…" : ""
        let head = style.dim(cutLeft + left) + style.bold("⟦\(token)⟧") + style.dim(right)
        let used = cutLeft.count + left.count + token.count + 2 + right.count
        let gap = String(repeating: " ", count: max(2, style.width - 7 - used - score.plain.count))
        var lines = ["\(style.dim(number))  \(head)\(gap)\(score.shown)"]
        let mark = row.explanation.isComplete ? "" : "[no explanation tags] "
        let words = claims.map { $0.map(judged).joined(separator: " ") } ?? row.explanation.description
        lines += Interlinear.wrapped(mark + Interlinear.oneLine(words), width: style.width - 9).map { "         \($0)" }
        if let beside, let other = beside.rows[position] {
            let share = other.varianceExplained.map { String(format: ", %+.0f%% var", 100 * $0) } ?? ""
            let words = "\(beside.name): \(other.description) (cos \(String(format: "%.2f", other.cosine))\(share))"
            lines += Interlinear.wrapped(Interlinear.oneLine(words), width: style.width - 9)
                .map { "         " + style.dim($0) }
        }
        return lines.joined(separator: "\n") + "\n\n"
    }

    /// A sentence, and how far to believe it.
    private func judged(_ sentence: ConfidenceReader.Sentence) -> String {
        guard let confidence = sentence.confidence?.value else { return sentence.text }
        let share = String(format: "%.0f%%", 100 * confidence)
        return "\(sentence.text) [\(share)\(confidence < doubtBelow ? ", doubtful" : "")]"
    }

    private func scoreText(_ row: TextExplainer.Row) -> (plain: String, shown: String) {
        let share = row.varianceExplained.map { String(format: "  %+.0f%% var", 100 * $0) } ?? ""
        let text = String(format: "cos %.2f", row.score.cosine)
        guard style.isTerminal else { return (text + share, text + share) }
        let filled = Int(saturating: (row.score.cosine.clamped(to: 0...1) * 8).rounded())
        let bar = String(repeating: "▇", count: filled) + String(repeating: "·", count: 8 - filled)
        return ("\(text) \(bar)\(share)", style.judged("\(text) \(bar)", row.score.cosine) + style.dim(share))
    }

    /// An explanation without a text around it.
    static func plain(_ explanation: Explanation, label: String) -> String {
        let mark = explanation.isComplete ? "" : "[no explanation tags] "
        let lines = wrapped(mark + oneLine(explanation.description), width: Style().width - 7)
        return label.leftPadded(to: 5) + "  " + lines.joined(separator: "\n       ")
    }

    /// Whitespace and control characters that would break the line, made visible.
    static func visible(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar {
                    case "\n": "⏎"
                    case "\t": "⇥"
                    case "\r": "␍"
                    case _ where scalar.properties.generalCategory == .control: "␣"
                    default: scalar
                    }
                }))
    }

    static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ").filter { !$0.isControl }
    }

    /// Lines of words; a word that is too long for a line has one of its own.
    static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = [], line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        return lines + [line]
    }
}

extension Interlinear {
    /// What all rows come to.
    struct Summary {
        let cosine: Double
        let meanSquaredError: Double
        let fractionOfVarianceExplained: Double?
        let variance: (variance: RawVariance, isRecorded: Bool)?
        let count: Int
        /// FVE of the reconstructor's answer to no words at all.
        let nothingSaid: Double?
        /// Explanations drawn for each token, of which the best-scoring one stands here.
        let samples: Int
        /// Claims whose confidence is known, and how many of them are doubtful.
        let claims: (count: Int, doubtful: Int)

        /// - Parameters:
        ///   - empty: the scores of an empty explanation.
        ///   - claims: the confidence in every claim that has one.
        init(
            _ rows: [TextExplainer.Row], _ variance: (variance: RawVariance, isRecorded: Bool)?,
            empty: [Scores.Row], claims: [Double], doubtBelow: Double
        ) {
            self.claims = (claims.count, claims.count { $0 < doubtBelow })
            nothingSaid = variance.flatMap { Scores.fractionOfVarianceExplained(empty, $0.variance) }
            let scores = rows.map(\.score)
            cosine = Scores.meanCosine(scores)
            meanSquaredError = Scores.meanSquaredError(scores)
            fractionOfVarianceExplained = variance.flatMap { Scores.fractionOfVarianceExplained(scores, $0.variance) }
            self.variance = variance
            count = rows.count
            samples = rows.map(\.samples).max() ?? 1
        }

        var line: String {
            let choice = samples > 1 ? ", each the best-scoring of \(samples) samples" : ""
            let mean = String(format: "mean cosine %.3f over %ld tokens", cosine, count) + choice
            guard let fraction = fractionOfVarianceExplained, let variance else { return mean + belief }
            let set = variance.isRecorded ? "variance of \(variance.variance.set)" : "variance of these tokens alone"
            let caution = count < 50 ? "; a rough figure, from so few" : ""
            let control = nothingSaid.map { String(format: "; with nothing said %.3f", $0) } ?? ""
            return mean + String(format: ", FVE %.3f", fraction) + "\(control) (\(set)\(caution))" + belief
        }

        /// What the percentages behind claims mean, where there are some.
        private var belief: String {
            guard claims.count > 0 else { return "" }
            return
                "\nin brackets how probable each claim is to be true, as far as this text is like those that it was learnt from; \(claims.doubtful) of \(claims.count) claims are doubtful"
        }
    }

    /// The page as JSON.
    func json(
        _ rows: [TextExplainer.Row], positions: [Int], _ claims: [Int: [ConfidenceReader.Sentence]], _ summary: Summary,
        layer: Int, storageNote: String? = nil
    ) -> JSONValue {
        let results = rows.map { row -> JSONValue in
            let position = positions[row.index]
            let beliefs = claims[row.index].map { sentences -> JSONValue in
                .array(
                    sentences.map { sentence in
                        [
                            "text": .string(sentence.text),
                            "confidence": sentence.confidence.map { .number($0.value) } ?? .null,
                            "doubtful": sentence.confidence.map { .bool($0.value < doubtBelow) } ?? .null,
                        ]
                    })
            }
            return [
                "token": .string(DisplayedToken.text(of: ids, at: position, tokenizer)),
                "token_id": .integer(Int(ids[position])), "position": .integer(position), "l2_norm": .number(row.norm),
                "description": .string(row.explanation.description), "text": .string(row.explanation.text),
                "complete": .bool(row.explanation.isComplete), "mse": .number(row.score.meanSquaredError),
                "cosine_similarity": .number(row.score.cosine),
                "variance_explained": row.varianceExplained.map { .number($0) } ?? .null,
                "samples": .integer(row.samples), "claims": beliefs ?? .null,
                "beside": beside?.rows[position].map { other -> JSONValue in
                    [
                        "description": .string(other.description), "cosine_similarity": .number(other.cosine),
                        "variance_explained": other.varianceExplained.map { .number($0) } ?? .null,
                    ]
                } ?? .null,
            ]
        }
        let variance: JSONValue =
            summary.variance.map {
                [
                    "raw": .number($0.variance.variance), "set": .string($0.variance.set),
                    "recorded": .bool($0.isRecorded),
                ]
            } ?? .null
        var object: JSONObject = [
            "layer": .integer(layer), "tokens": .integer(ids.count), "results": .array(results),
            "mean_cosine_similarity": .number(summary.cosine), "mean_mse": .number(summary.meanSquaredError),
            "fve": summary.fractionOfVarianceExplained.map { .number($0) } ?? .null,
            "fve_empty": summary.nothingSaid.map { .number($0) } ?? .null, "variance": variance,
        ]
        if let storageNote { object["storage_note"] = .string(storageNote) }
        return .object(object)
    }
}

extension String {
    fileprivate func leftPadded(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}

extension Character {
    fileprivate var isControl: Bool { unicodeScalars.contains { $0.properties.generalCategory == .control } }
}
