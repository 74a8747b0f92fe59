import Activations
import Autoencoder
import Claims
import Evaluation
import LanguageModel
import Statistics
import Teaching
import Tensors

/// Measures what a ``Verification`` reports, part by part, all on the same rows.
struct Verifier {
    let material: Verification.Inputs
    let options: VerificationOptions
    let grammar: any ClaimGrammar
    let variance: RawVariance
    /// The rows verified.
    let test: TestRows
    /// What the verbalizer says about them.
    let explanations: [Explanation]
    /// What the pair's reconstructor makes of that, [rows, d].
    let reconstructions: Tensor
    /// What the second reader makes of the words; nil without one.
    let secondReconstructions: Tensor?
    let bootstrap: ClusterBootstrap

    init(_ material: Verification.Inputs, _ options: VerificationOptions, progress: (String) -> Void) throws {
        try material.check()
        self.material = material
        self.options = options
        grammar = try material.grammar.grammar
        variance =
            try material.variance ?? material.pair.variance ?? material.store.rawVariance(ofSplit: material.split)
        test = try TestRows(material.store, split: material.split, count: options.rows, material.target)
        progress("explaining \(test.count) activations")
        explanations = try material.pair.verbalizer.mostProbable(test.vectors, maximumTokens: options.maximumTokens)
        reconstructions = try material.pair.reconstructor.reconstruct(explanations.map(\.description))
        secondReconstructions = try material.second?.reconstruct(explanations.map(\.description))
        bootstrap = ClusterBootstrap(clusters: test.clusterCount, resamples: options.resamples, seed: options.seed)
    }

    /// A ratio of sums over rows with its interval over documents; nil over nothing.
    ///
    /// - Parameter terms: of each row what it adds above and below the line; nil where it does not count.
    func finding(
        _ section: Finding.Section, _ name: String, _ title: String, _ style: NumberStyle = .number,
        _ terms: (_ row: Int) -> (numerator: Double, denominator: Double)?
    ) -> Finding? {
        let ratio = ratio(terms)
        return Finding(section, name, title, style, bootstrap) { ratio.value(draws: $0) }
    }

    /// The mean of a number over rows; nil where a row does not count.
    func mean(
        _ section: Finding.Section, _ name: String, _ title: String, _ style: NumberStyle = .number,
        _ value: (_ row: Int) -> Double?
    ) -> Finding? {
        finding(section, name, title, style) { row in value(row).map { ($0, 1) } }
    }

    func ratio(_ terms: (_ row: Int) -> (numerator: Double, denominator: Double)?) -> ClusteredRatio {
        var ratio = ClusteredRatio(clusters: test.clusterCount)
        for row in 0..<test.count {
            guard let (numerator, denominator) = terms(row) else { continue }
            ratio.add(numerator, over: denominator, cluster: test.clusters[row])
        }
        return ratio
    }

    /// Whether a row stands where a fact is about to matter.
    func isMoment(_ row: Int) -> Bool { test.store.row(test.rows[row]).moment != nil }

    /// The mean activation of the rows, [1, d].
    var meanVector: Tensor { test.vectors.meanRow }
}

extension Verbalizer {
    /// The most probable explanation of each of `vectors` [n, d].
    package func mostProbable(_ vectors: Tensor, maximumTokens: Int) throws -> [Explanation] {
        try explain(vectors, .init(maximumTokens: maximumTokens)).map { $0[0] }
    }
}

extension Array {
    /// So many of the elements, or all if there are fewer, spread evenly.
    package func spread(_ count: Int) -> [Element] {
        let count = Swift.min(count, self.count)
        return (0..<count).map { self[$0 * self.count / count] }
    }
}

// MARK: - Words

extension Verifier {
    /// Variance explained under every change of the words, by the pair's reader and by the second one.
    func words() throws -> [Finding] {
        let written = explanations.map(\.description)
        let changed = try ChangedTexts(
            written, partners: test.store.partners(of: test.rows), material.rewordings)
        var findings: [Finding?] = []
        let own = try changed.texts.mapValues { try explained($0, material.pair.reconstructor) }
        let whole = own[.written] ?? []
        for change in WordChange.allCases {
            guard let values = own[change] else { continue }
            let name = "fve_\(change.rawValue)", title = "FVE, \(change.title)"
            findings.append(mean(.words, name, title) { values[$0] })
            let isEverywhere = values.allSatisfy { $0 != nil }
            guard change != .written, !isEverywhere, values.contains(where: { $0 != nil }) else { continue }
            let nothing = own[.empty] ?? []
            findings += [
                mean(.words, "\(name)_before", "  the same rows as written") {
                    values[$0] == nil ? nil : whole[$0]
                },
                mean(.words, "\(name)_empty", "  the same rows with nothing") { values[$0] == nil ? nil : nothing[$0] },
                mean(.words, "\(name)_rows", "  the share of rows that this changes", .percent) {
                    values[$0] == nil ? 0 : 1
                },
            ]
        }
        guard let second = material.second else { return findings.compactMap { $0 } }
        let others = try changed.texts.mapValues { try explained($0, second) }
        for change in [WordChange.written, .shuffled, .paraphrased, .other, .empty] {
            guard let values = others[change] else { continue }
            findings.append(
                mean(.secondReader, "second_fve_\(change.rawValue)", "its FVE, \(change.title)") { values[$0] })
        }
        for (change, title) in [
            (WordChange.written, "how much more the pair's own reader makes of the words"),
            (.paraphrased, "the same of paraphrases, which no code survives"),
        ] {
            guard let mine = own[change], let theirs = others[change] else { continue }
            findings.append(gap("gap_\(change.rawValue)", title, mine, theirs) { _ in true })
        }
        findings += try taughtGaps(second, own[.written] ?? [], others[.written] ?? [])
        return findings.compactMap { $0 }
    }

    /// The mean difference of two readers on the rows that count.
    private func gap(
        _ name: String, _ title: String, _ mine: [Double?], _ theirs: [Double?], where counts: (Int) -> Bool
    ) -> Finding? {
        mean(.secondReader, name, title) { row in
            guard counts(row), let mine = mine[row], let theirs = theirs[row] else { return nil }
            return mine - theirs
        }
    }

    /// The gap between the readers on what a teacher wrote, which is no code of the pair's: what one reader is better at reading in
    /// general. Beside it what is left of the gap on the verbalizer's words when that is taken off, the share that only the pair
    /// understands.
    private func taughtGaps(_ second: Reconstructor, _ mine: [Double?], _ theirs: [Double?]) throws -> [Finding?] {
        guard let taught = material.taught else { return [] }
        let known = Dictionary(zip(taught.rows, taught.explanations)) { first, _ in first }
        let texts = test.rows.map { known[$0] }
        let own = try explained(texts, material.pair.reconstructor), others = try explained(texts, second)
        return [
            mean(.secondReader, "second_fve_taught", "its FVE, of the teacher's text") { others[$0] },
            mean(.secondReader, "fve_taught", "the pair's own reader's FVE, of the teacher's text") { own[$0] },
            gap("gap_taught", "how much more the pair's own reader makes of the teacher's text", own, others) { _ in
                true
            },
            mean(
                .secondReader, "private",
                "the share of variance that only the pair understands: the gap beyond it, on the teacher's rows"
            ) {
                row in
                guard let a = mine[row], let b = theirs[row], let c = own[row], let d = others[row] else { return nil }
                return (a - b) - (c - d)
            },
        ]
    }

    /// What could not be measured of words.
    func notes(_ findings: [Finding]) -> [String] {
        [
            (WordChange.paraphrased, material.rewordings.paraphrase != nil),
            (.translated, material.rewordings.translate != nil),
        ].compactMap { change, isAsked in
            isAsked && !findings.contains { $0.name == "fve_\(change.rawValue)" }
                ? "\(change.title): none of the \(test.count) explanations has such a text" : nil
        }
    }

    /// Each row's share of variance explained by a text; nil where there is no text.
    private func explained(_ texts: [String?], _ reader: Reconstructor) throws -> [Double?] {
        let known = texts.indices.filter { texts[$0] != nil }
        let words = known.compactMap { texts[$0] }
        var result = [Double?](repeating: nil, count: texts.count)
        guard !words.isEmpty else { return result }
        // Equal texts, as the empty one, are read once.
        let vectors =
            Set(words).count == 1 ? try reader.reconstruct([words[0]]) : try reader.reconstruct(words)
        let scores = try Scores.rows(vectors, test.vectors.gatheringRows(known.map(Int32.init)))
        for (row, score) in zip(known, scores) { result[row] = 1 - score.meanSquaredError / variance.variance }
        return result
    }
}
