import Activations
import Autoencoder
import Claims
import LanguageModel
import Runs
import Statistics
import Tensors

extension Verifier {
    /// What is found about claims.
    struct ClaimFindings {
        var findings: [Finding] = []
        var model: ConfidenceModel?
        var reliability: [ReliabilityBin] = []
        var questionWeights: [Verification.QuestionWeight] = []
        var examples: [Verification.Example] = []
        /// What could not be measured.
        var notes: [String] = []
    }

    /// A claim of a row, with what speaks for it.
    private struct JudgedClaim {
        let row: Int
        let evidence: ClaimEvidence
        /// Nil where nothing is known of the document.
        let isTrue: Bool?
    }

    /// What claims carry, and which of them to believe.
    func claims() throws -> ClaimFindings {
        let judged = try judged(test, explanations)
        var result = ClaimFindings()
        result.questionWeights = Verifier.weights(judged)
        result.findings = weightFindings(judged)
        if let split = material.fittingSplit {
            do {
                try believe(judged, split, &result)
            } catch let error as TrainingError {
                // The rest of the verification stands without it.
                result.notes.append("no confidence: \(error)")
            }
        }
        result.examples = worked(judged, result.model)
        return result
    }

    /// Fits the confidence to other documents, and judges it on these.
    private func believe(_ judged: [JudgedClaim], _ split: String, _ result: inout ClaimFindings) throws {
        let rows = try TestRows(material.store, split: split, count: options.fittingRows, material.target)
        let explained = try material.pair.verbalizer.mostProbable(rows.vectors, maximumTokens: options.maximumTokens)
        let examples = try self.judged(rows, explained).compactMap { claim in
            claim.isTrue.map {
                ConfidenceModel.Example(claim.evidence, isTrue: $0, document: rows.clusters[claim.row])
            }
        }
        let source = ConfidenceModel.Source(
            options.evidence, material.grammar, variance, try .init(material.pair, second: material.second))
        let model = try ConfidenceModel(examples, from: source)
        let blind =
            model.ingredients.contains(.later)
            ? try ConfidenceModel(examples, from: source, leavingOut: [.later]) : nil
        let known = judged.filter { $0.isTrue != nil }
        let confidences = known.map { model.confidence($0.evidence) }
        result.model = model
        result.reliability = ReliabilityBin.bins(confidences, known.map { $0.isTrue == true })
        result.findings += rankings(known, model, blind: blind, confidences) + beliefs(known, confidences)
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
            let isLabelled = !document.truths.isEmpty
            return claims.map {
                JudgedClaim(row: row, evidence: $0, isTrue: isLabelled ? document.isTrue($0.claim, at: end) : nil)
            }
        }
    }

    private static func weights(_ judged: [JudgedClaim]) -> [Verification.QuestionWeight] {
        Dictionary(grouping: judged) { $0.evidence.claim.question }.map { question, claims in
            Verification.QuestionWeight(
                question: question, claims: claims.count, known: claims.count { $0.isTrue != nil },
                right: claims.count { $0.isTrue == true },
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
        return Finding(.claims, name, title, style, bootstrap) { [ratio] in ratio.value(draws: $0) }
    }

    private func weightFindings(_ judged: [JudgedClaim]) -> [Finding] {
        let readers: [(name: String, title: String, value: (ClaimEvidence) -> Double?)] = [
            ("weight", "share of variance that a claim carries", { $0.weight }),
            ("second_weight", "the same for the second reader", { $0.secondWeight }),
        ]
        return readers.flatMap { name, title, value in
            let groups: [(end: String, words: String, isTrue: Bool?)] = [
                ("", "", nil), ("_true", ", true ones", true), ("_false", ", false ones", false),
            ]
            return groups.compactMap { end, words, isTrue in
                overClaims(name + end, title + words, .number, judged) { index in
                    guard isTrue == nil || judged[index].isTrue == isTrue else { return nil }
                    return value(judged[index].evidence).map { ($0, 1) }
                }
            }
        }
    }

    /// How well the confidence tells true claims from false ones, beside each ingredient alone.
    private func rankings(
        _ known: [JudgedClaim], _ model: ConfidenceModel, blind: ConfidenceModel?, _ confidences: [Double]
    ) -> [Finding] {
        func area(_ name: String, _ title: String, _ scores: [Double?]) -> Finding? {
            let scored = known.indices.filter { scores[$0] != nil }
            let ranking = Ranking(
                scored.compactMap { scores[$0] }, scored.map { known[$0].isTrue == true },
                clusters: scored.map { test.clusters[known[$0].row] })
            return Finding(.claims, name, title, .number, bootstrap) { draws in
                ranking.area { Double(draws[draws.startIndex + $0]) }
            }
        }
        var findings = [
            area("auc", "true from false claims, area under the ROC curve: the confidence", confidences)
        ]
        if let blind {
            findings.append(
                area(
                    "auc_without_later", "  without the tokens behind, which know how it went",
                    known.map { blind.confidence($0.evidence) }))
        }
        findings += model.ingredients.map { ingredient in
            area(
                "auc_\(ingredient.rawValue)", "  \(ingredient.title)",
                known.map { model.value(ingredient, $0.evidence) })
        }
        return findings.compactMap { $0 }
    }

    /// What comes of believing claims.
    private func beliefs(_ known: [JudgedClaim], _ confidences: [Double]) -> [Finding] {
        let isTrue = known.map { $0.isTrue == true }
        let calibration = Calibration(confidences, isTrue, clusters: known.map { test.clusters[$0.row] })
        func share(_ name: String, _ title: String, of counts: @escaping (Int) -> Bool) -> Finding? {
            overClaims(name, title, .percent, known) { (counts($0) ? 1 : 0, 1) }
        }
        func truth(_ name: String, _ title: String, of counts: @escaping (Int) -> Bool) -> Finding? {
            overClaims(name, title, .percent, known) { counts($0) ? (isTrue[$0] ? 1 : 0, 1) : nil }
        }
        return [
            truth("claims_true", "claims that are true") { _ in true },
            Finding(
                .claims, "calibration_error", "confidence and truth differ by, on average over ten bins", .percent,
                bootstrap
            ) { draws in calibration.error { Double(draws[draws.startIndex + $0]) } },
            share("sure_claims", "claims with a confidence of 90% or more") { confidences[$0] >= 0.9 },
            truth("sure_true", "  of these true") { confidences[$0] >= 0.9 },
            share("doubtful_claims", "claims with a confidence below 50%") {
                confidences[$0] < ConfidenceReader.doubtful
            },
            truth("doubtful_true", "  of these true") { confidences[$0] < ConfidenceReader.doubtful },
        ].compactMap { $0 }
    }

    /// Rows in full, those first at which a fact is about to matter.
    private func worked(_ judged: [JudgedClaim], _ model: ConfidenceModel?, count: Int = 12) -> [Verification.Example] {
        let byRow = Dictionary(grouping: judged, by: \.row)
        let rows = byRow.keys.sorted()
        let moments = rows.filter(isMoment).spread(count)
        let others = rows.filter { !isMoment($0) }.spread(count - moments.count)
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
