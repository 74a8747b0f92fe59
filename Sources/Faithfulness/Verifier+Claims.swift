import Autoencoder
import Claims
import LanguageModel
import Tensors
import Training

extension Verifier {
    /// What is found about claims.
    struct ClaimFindings {
        var findings: [Finding] = []
        var model: ConfidenceModel?
        var reliability: [ReliabilityBin] = []
        var questionWeights: [Verification.QuestionWeight] = []
        var examples: [Verification.Example] = []
    }

    /// A claim of a row, with what speaks for it.
    private struct JudgedClaim {
        let row: Int
        let evidence: ClaimEvidence
        let isTrue: Bool
    }

    /// What claims carry, and which of them to believe.
    func claims() throws -> ClaimFindings {
        let judged = try judged(test, explanations)
        var result = ClaimFindings()
        result.questionWeights = Verifier.weights(judged)
        result.findings = weightFindings(judged)
        if let split = material.fittingSplit {
            let rows = try TestRows(
                material.store, split: split, count: options.fittingRows, material.target)
            let examples = try self.judged(rows, Verifier.explain(rows, material, options)).map {
                ConfidenceModel.Example($0.evidence, isTrue: $0.isTrue)
            }
            let model = try ConfidenceModel(
                examples, collecting: options.evidence, grammar: material.grammar)
            result.model = model
            let confidences = judged.map { model.confidence($0.evidence) }
            result.reliability = ReliabilityBin.bins(confidences, judged.map(\.isTrue))
            result.findings += rankings(judged, model, confidences) + beliefs(judged, confidences)
        }
        result.examples = worked(judged, result.model)
        return result
    }

    private func judged(_ rows: TestRows, _ explanations: [Explanation]) throws -> [JudgedClaim] {
        let collector = EvidenceCollector(
            material.pair, second: material.second, grammar, variance: variance, options.evidence)
        let neighbours = try rows.neighbours(
            material.target, reach: options.evidence.reach, precision: material.precision)
        let evidence = try collector.evidence(
            explanations, rows.vectors, neighbours: neighbours, keys: rows.rows.map { UInt64($0) })
        return evidence.enumerated().flatMap { row, claims in
            let document = rows.store.document(of: rows.rows[row]), end = rows.store.row(rows.rows[row]).byteEnd
            return claims.map { JudgedClaim(row: row, evidence: $0, isTrue: document.isTrue($0.claim, at: end)) }
        }
    }

    private static func weights(_ judged: [JudgedClaim]) -> [Verification.QuestionWeight] {
        Dictionary(grouping: judged) { $0.evidence.claim.question }.map { question, claims in
            Verification.QuestionWeight(
                question: question, claims: claims.count, right: claims.count(where: \.isTrue),
                weight: claims.reduce(0) { $0 + $1.evidence.weight } / Double(claims.count))
        }.sorted { $0.question < $1.question }
    }

    /// A ratio over claims.
    private func overClaims(
        _ name: String, _ title: String, _ style: NumberStyle, _ judged: [JudgedClaim],
        _ terms: (_ claim: Int) -> (numerator: Double, denominator: Double)?
    ) -> Finding? {
        var ratio = ClusteredRatio(clusters: test.clusterCount)
        for (index, claim) in judged.enumerated() {
            guard let (numerator, denominator) = terms(index) else { continue }
            ratio.add(numerator, over: denominator, cluster: test.clusters[claim.row])
        }
        return bootstrap.estimate(ratio).map {
            Finding(section: .claims, name: name, title: title, estimate: $0, style: style)
        }
    }

    private func weightFindings(_ judged: [JudgedClaim]) -> [Finding] {
        let readers: [(name: String, title: String, value: (ClaimEvidence) -> Double?)] = [
            ("weight", "share of variance that a claim carries", { $0.weight }),
            ("second_weight", "the same for the second reader", { $0.secondWeight }),
        ]
        return readers.flatMap { name, title, value in
            [(true, "true"), (false, "false")].compactMap { isTrue, word in
                overClaims("\(name)_\(word)", "\(title), \(word) ones", .number, judged) { index in
                    guard judged[index].isTrue == isTrue else { return nil }
                    return value(judged[index].evidence).map { ($0, 1) }
                }
            }
        }
    }

    /// How well the confidence tells true claims from false ones, beside each ingredient alone.
    private func rankings(
        _ judged: [JudgedClaim], _ model: ConfidenceModel, _ confidences: [Double]
    ) -> [Finding] {
        func area(_ name: String, _ title: String, _ scores: [Double?]) -> Finding? {
            let known = judged.indices.filter { scores[$0] != nil }
            let ranking = Ranking(
                known.compactMap { scores[$0] }, known.map { judged[$0].isTrue },
                clusters: known.map { test.clusters[judged[$0].row] })
            return ranking.estimate(bootstrap).map {
                Finding(section: .claims, name: name, title: title, estimate: $0, style: .number)
            }
        }
        return
            ([area("auc", "true from false claims, area under the ROC curve: the confidence", confidences)]
            + model.ingredients.map { ingredient in
                area(
                    "auc_\(ingredient.rawValue)", "  \(ingredient.title)",
                    judged.map { model.value(ingredient, $0.evidence) })
            }).compactMap { $0 }
    }

    /// What comes of believing claims.
    private func beliefs(_ judged: [JudgedClaim], _ confidences: [Double]) -> [Finding] {
        // The expected calibration error over ten bins of equal size.
        let error = ReliabilityBin.bins(confidences, judged.map(\.isTrue)).reduce(0) {
            $0 + abs($1.confidence - $1.share) * Double($1.count) / Double(max(1, judged.count))
        }
        return [
            overClaims("claims_true", "claims that are true", .percent, judged) { (judged[$0].isTrue ? 1 : 0, 1) },
            Finding(
                section: .claims, name: "calibration_error", title: "confidence and truth differ by, on average",
                estimate: Estimate(value: error, interval: nil), style: .percent),
            overClaims("sure_claims", "claims with a confidence of 90% or more", .percent, judged) {
                (confidences[$0] >= 0.9 ? 1 : 0, 1)
            },
            overClaims("sure_true", "  of these true", .percent, judged) {
                confidences[$0] >= 0.9 ? (judged[$0].isTrue ? 1 : 0, 1) : nil
            },
            overClaims("doubtful_claims", "claims with a confidence below 50%", .percent, judged) {
                (confidences[$0] < 0.5 ? 1 : 0, 1)
            },
            overClaims("doubtful_true", "  of these true", .percent, judged) {
                confidences[$0] < 0.5 ? (judged[$0].isTrue ? 1 : 0, 1) : nil
            },
        ].compactMap { $0 }
    }

    /// Rows in full, those first at which a fact is about to matter.
    private func worked(_ judged: [JudgedClaim], _ model: ConfidenceModel?, count: Int = 12) -> [Verification.Example] {
        let byRow = Dictionary(grouping: judged, by: \.row)
        let rows = byRow.keys.sorted()
        let moments = spread(count, over: rows.filter(isMoment))
        let others = spread(count - moments.count, over: rows.filter { !isMoment($0) })
        return (moments + others).map { row in
            let sentences = Sentences.split(explanations[row].description)
            return Verification.Example(
                textSoFar: test.store.textSoFar(test.rows[row]),
                claims: (byRow[row] ?? []).map { claim in
                    Verification.ExampleClaim(
                        sentence: sentences[claim.evidence.sentence], weight: claim.evidence.weight,
                        confidence: model?.confidence(claim.evidence), isTrue: claim.isTrue)
                })
        }
    }
}
