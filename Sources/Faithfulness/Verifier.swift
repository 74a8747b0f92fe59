import Autoencoder
import Claims
import LanguageModel
import Tensors
import Training

/// Measures what a ``Verification`` reports, part by part, all on the same rows.
struct Verifier {
    let material: Verification.Material
    let options: VerificationOptions
    let grammar: any ClaimGrammar
    let variance: RawVariance
    /// The rows verified.
    let test: TestRows
    /// What the verbalizer says about them.
    let explanations: [Explanation]
    /// What the pair's reconstructor makes of that, [rows, d].
    let reconstructions: Tensor
    let bootstrap: ClusterBootstrap

    init(_ material: Verification.Material, _ options: VerificationOptions, progress: (String) -> Void) throws {
        let store = material.store
        try store.check(material.pair, named: material.pair.verbalizer.checkpoint.folder.path)
        if let second = material.second {
            try store.check(second.sidecar, named: second.checkpoint.folder.path)
        }
        try material.probes?.check(unfitted: [material.split] + (material.fittingSplit.map { [$0] } ?? []))
        if let fitting = material.fittingSplit {
            guard fitting != material.split else {
                throw TrainingError(
                    "the split \(fitting): a confidence must be fitted to other documents than those verified; name another split"
                )
            }
            _ = try store.rows(ofSplit: fitting)
        }
        self.material = material
        self.options = options
        grammar = material.grammar.grammar
        variance = try material.pair.variance ?? store.rawVariance(ofSplit: material.split)
        test = try TestRows(store, split: material.split, count: options.rows, material.target)
        progress("explaining \(test.count) activations")
        explanations = try Verifier.explain(test, material, options)
        reconstructions = try material.pair.reconstructor.reconstruct(explanations.map(\.description))
        bootstrap = ClusterBootstrap(clusters: test.clusterCount, resamples: options.resamples, seed: options.seed)
    }

    /// The verbalizer's most probable explanation of each row.
    static func explain(
        _ rows: TestRows, _ material: Verification.Material, _ options: VerificationOptions
    ) throws -> [Explanation] {
        try material.pair.verbalizer.explain(rows.vectors, .init(maximumTokens: options.maximumTokens)).map { $0[0] }
    }

    /// A ratio of sums over rows with its interval over documents; nil over nothing.
    ///
    /// - Parameter terms: of each row what it adds above and below the line; nil where it does not count.
    func finding(
        _ section: Finding.Section, _ name: String, _ title: String, _ style: NumberStyle = .number,
        _ terms: (_ row: Int) -> (numerator: Double, denominator: Double)?
    ) -> Finding? {
        bootstrap.estimate(ratio(terms)).map {
            Finding(section: section, name: name, title: title, estimate: $0, style: style)
        }
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

    /// Some of the rows, spread evenly.
    func spread(_ count: Int, over rows: [Int]) -> [Int] {
        let count = min(count, rows.count)
        return (0..<count).map { rows[$0 * rows.count / count] }
    }

    /// Whether a row stands where a fact is about to matter.
    func isMoment(_ row: Int) -> Bool { test.store.row(test.rows[row]).moment != nil }

    /// The mean activation of the rows, [1, d].
    var meanVector: Tensor {
        let width = test.vectors.width, values = test.vectors.floats()
        var sum = [Double](repeating: 0, count: width)
        for (index, value) in values.enumerated() { sum[index % width] += Double(value) }
        return Tensor(sum.map { Float($0 / Double(max(1, test.count))) }, shape: [1, width])
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
            findings.append(
                mean(.words, "\(name)_before", "  the same rows as written") { values[$0] == nil ? nil : whole[$0] })
            findings.append(
                mean(.words, "\(name)_rows", "  the share of rows that this changes", .percent) {
                    values[$0] == nil ? 0 : 1
                })
        }
        guard let second = material.second else { return findings.compactMap { $0 } }
        let others = try changed.texts.mapValues { try explained($0, second) }
        for change in [WordChange.written, .shuffled, .paraphrased, .other, .empty] {
            guard let values = others[change] else { continue }
            findings.append(
                mean(.secondReader, "second_fve_\(change.rawValue)", "its FVE, \(change.title)") { values[$0] })
        }
        for (change, title) in [
            (WordChange.written, "FVE that only the pair understands"),
            (.paraphrased, "the same of paraphrases, which no code survives"),
        ] {
            guard let mine = own[change], let theirs = others[change] else { continue }
            let estimate = bootstrap.estimate(
                of: ratio { row in mine[row].map { ($0, 1) } }, minus: ratio { row in theirs[row].map { ($0, 1) } })
            findings.append(
                estimate.map {
                    Finding(
                        section: .secondReader, name: "private_\(change.rawValue)", title: title, estimate: $0,
                        style: .number)
                })
        }
        return findings.compactMap { $0 }
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
