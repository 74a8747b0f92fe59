import Activations
import Autoencoder
import Claims
import Evaluation
import Foundation
import LanguageModel
import Statistics
import Teaching
import Tensors

extension Verifier {
    /// What takes the place of an activation in the target.
    private enum Substitute: String, CaseIterable {
        case reconstruction, other
        case scaledMean = "mean_scaled"
        case mean, random

        var title: String {
            switch self {
            case .reconstruction: "the reconstruction"
            case .other: "another document's reconstruction"
            case .scaledMean: "the mean activation at the activation's norm"
            case .mean: "the mean activation as it is"
            case .random: "a random error as large as the reconstruction's"
            }
        }
    }

    /// What happens to the target's predictions when other vectors take the place of activations. Words say a direction, so that
    /// reconstructions get the activation's norm; what they are compared with gets it, too.
    func splices() throws -> [Finding] {
        let splicer = try Splicer(material.target, precision: material.precision)
        let rows = Array(0..<test.count).spread(options.splicedRows)
        let average = meanVector
        let scaled = reconstructions.scaled(toNormsOf: test.vectors)
        let scaledMean = average.gatheringRows([Int32](repeating: 0, count: test.count)).scaled(toNormsOf: test.vectors)
        let others = test.store.partners(of: test.rows).map {
            reconstructions.gatheringRows($0.map(Int32.init)).scaled(toNormsOf: test.vectors)
        }
        let substitutes = Substitute.allCases.filter { $0 != .other || others != nil }
        let effects = splicer.effects(
            rows.map { row in
                let vectors = substitutes.map { substitute in
                    switch substitute {
                    case .reconstruction: scaled.rows(row..<row + 1)
                    case .other: (others ?? scaled).rows(row..<row + 1)
                    case .scaledMean: scaledMean.rows(row..<row + 1)
                    case .mean: average
                    case .random: randomError(row, as: scaled)
                    }
                }
                return Splicer.Patch(
                    ids: test.ids[row], position: test.positions[row], vectors: .stacking(vectors))
            }, reach: options.splicedReach)
        let effectOf = Dictionary(uniqueKeysWithValues: zip(rows, effects))
        func effect(_ substitute: Substitute, _ row: Int) -> Splicer.Effect? {
            guard let index = substitutes.firstIndex(of: substitute) else { return nil }
            return effectOf[row]?[index]
        }
        func divergence(_ substitute: Substitute, _ row: Int) -> Double? { effect(substitute, row)?.divergence }
        var findings: [Finding?] = []
        for substitute in substitutes {
            let name = substitute.rawValue
            findings += [
                mean(.splice, "kl_\(name)", "KL of the next token, nats: \(substitute.title)") {
                    divergence(substitute, $0)
                },
                mean(.splice, "kl_\(name)_moment", "  where a fact is about to matter") {
                    isMoment($0) ? divergence(substitute, $0) : nil
                },
                finding(.splice, "kl_\(name)_following", "  of the \(options.splicedReach) tokens that follow") { row in
                    effect(substitute, row).map { ($0.following.reduce(0, +), Double($0.following.count)) }
                },
                mean(.splice, "same_\(name)", "  the likeliest next token stays", .percent) { row in
                    effect(substitute, row).map { $0.isSameChoice ? 1 : 0 }
                },
            ]
        }
        findings.append(
            finding(
                .splice, "recovered", "share of the damage of the mean (at the same norm) that the words undo", .percent
            ) { row in
                guard let damage = divergence(.scaledMean, row), let left = divergence(.reconstruction, row) else {
                    return nil
                }
                return (damage - left, damage)
            })
        return findings.compactMap { $0 }
    }

    /// A row's activation with an error of the reconstruction's size in a random direction, [1, d].
    private func randomError(_ row: Int, as scaled: Tensor) -> Tensor {
        let truth = test.vectors.rows(row..<row + 1).floats(), made = scaled.rows(row..<row + 1).floats()
        let size = zip(truth, made).map { $0 - $1 }[...].squaredNorm.squareRoot()
        var random = Random(seed: options.seed, Random.key("random error"), UInt64(test.rows[row]))
        let direction = truth.map { _ in Float(random.normal()) }
        let length = direction[...].squaredNorm.squareRoot().atLeast(1e-12)
        return Tensor(zip(truth, direction).map { $0 + $1 * Float(size / length) }, shape: [1, truth.count])
    }

    /// How often the text's true continuation is picked among others of the same kind of document, from a vector alone: the target
    /// reads it at the output of block K of a single empty token, and says how much likelier each continuation becomes than behind the mean
    /// activation. The explanation's vector is the reconstruction, which has seen nothing but the words; its norm is that of activations
    /// in general.
    func continuations() throws -> [Finding] {
        let length = options.continuationTokens
        let fit = (0..<test.count).filter { test.positions[$0] + length < test.ids[$0].count }
        let rows = fit.spread(options.continuedRows)
        func continuation(_ row: Int) -> [Int32] {
            Array(test.ids[row][test.positions[row] + 1...test.positions[row] + length])
        }
        let candidates = rows.map { self.candidates(of: $0, among: rows) }
        let chosen = rows.indices.filter { candidates[$0].count == options.continuations }
        guard !chosen.isEmpty else { return [] }
        let splicer = try Splicer(material.target, precision: material.precision)
        let kept = chosen.map { rows[$0] }
        let offered = chosen.map { index in candidates[index].map(continuation) }
        // The mean activation's expectation, once for each continuation.
        let distinct = Array(Set(offered.joined())).sorted { $0.lexicographicallyPrecedes($1) }
        let common = Dictionary(
            uniqueKeysWithValues: zip(distinct, splicer.logLikelihoods(meanVector, of: [distinct])[0]))
        let places = kept.map(Int32.init)
        let usual = reconstructions.scaled(toNorm: meanNorm)
        let others = test.store.partners(of: test.rows).map { usual.gatheringRows($0.map(Int32.init)) }
        func picked(_ vectors: Tensor) -> [Int: Bool] {
            let likelihoods = splicer.logLikelihoods(vectors.gatheringRows(places), of: offered)
            return Dictionary(
                uniqueKeysWithValues: kept.indices.map { index in
                    let gains = zip(likelihoods[index], offered[index]).map { $0 - (common[$1] ?? 0) }
                    // The true one comes first; equal ones are no pick.
                    return (kept[index], gains.dropFirst().allSatisfy { $0 < gains[0] })
                })
        }
        let chance = String(format: "%.0f%%", 100 / Double(options.continuations))
        return [
            (
                "continuation", "the true continuation picked among \(options.continuations), from the explanation",
                Optional(usual)
            ),
            (
                "continuation_second", "  as the second reader understands it",
                secondReconstructions?.scaled(toNorm: meanNorm)
            ),
            ("continuation_vector", "  from the activation itself", test.vectors),
            ("continuation_other", "  from another document's explanation; chance is \(chance)", others),
        ].compactMap { name, title, vectors in
            guard let vectors else { return nil }
            let picked = picked(vectors)
            return mean(.tests, name, title, .percent) { row in picked[row].map { $0 ? 1 : 0 } }
        }
    }

    /// The mean norm of the rows' activations.
    private var meanNorm: Double {
        (0..<test.count).reduce(0) { $0 + test.vectors.rows($1..<$1 + 1).floats()[...].squaredNorm.squareRoot() }
            / Double(max(1, test.count))
    }

    /// A row, then others of other documents of its kind (of any kind where there are too few), whose texts go on differently.
    private func candidates(of row: Int, among rows: [Int]) -> [Int] {
        let length = options.continuationTokens
        func continuation(_ row: Int) -> ArraySlice<Int32> {
            test.ids[row][test.positions[row] + 1...test.positions[row] + length]
        }
        var random = Random(seed: options.seed, Random.key("continuation"), UInt64(test.rows[row]))
        let kind = test.store.document(of: test.rows[row]).kind
        let shuffled = rows.shuffled(using: &random)
        let ordered =
            shuffled.filter { test.store.document(of: test.rows[$0]).kind == kind }
            + shuffled.filter { test.store.document(of: test.rows[$0]).kind != kind }
        var result = [row], seen: Set<ArraySlice<Int32>> = [continuation(row)], documents = Set([test.clusters[row]])
        for other in ordered where result.count < options.continuations {
            guard !documents.contains(test.clusters[other]), seen.insert(continuation(other)).inserted else { continue }
            documents.insert(test.clusters[other])
            result.append(other)
        }
        return result
    }

    /// A fact that holds at a row, and who finds it there.
    private struct FactCase {
        let row: Int
        let fact: Fact
        let standing: Standing
        /// Whether the next words depend on it.
        let isMoment: Bool
        let isInVector: Bool, isInReconstruction: Bool, isSaid: Bool
        /// The same of what the second reader made of the words; nil without one.
        let isInSecond: Bool?
    }

    /// How often linear readers find facts in the activation, in what the reconstructor made of the words alone, and how often the words
    /// say them: of the facts that are about to matter, and of all that hold somewhere.
    func facts() -> (findings: [Finding], questions: [Verification.QuestionReading]) {
        guard let probes = material.probes else { return ([], []) }
        let cases = factCases(probes)
        func share(
            _ name: String, _ title: String, _ cases: [FactCase], _ isFound: (FactCase) -> Bool
        ) -> Finding? {
            var ratio = ClusteredRatio(clusters: test.clusterCount)
            for found in cases { ratio.add(isFound(found) ? 1 : 0, over: 1, cluster: test.clusters[found.row]) }
            return Finding(.tests, name, title, .percent, bootstrap) { [ratio] in ratio.value(draws: $0) }
        }
        var findings: [Finding?] = []
        for standing in Standing.allCases {
            for (end, words, chosen) in [
                ("", "about to matter", cases.filter { $0.standing == standing && $0.isMoment }),
                ("_all", "that hold somewhere", cases.filter { $0.standing == standing }),
            ] {
                let name = standing.rawValue + end
                findings += [
                    share(
                        "facts_words_\(name)",
                        "\(standing.rawValue) facts \(words), read from the words by a linear reader", chosen
                    ) {
                        $0.isInReconstruction
                    },
                    material.second == nil
                        ? nil
                        : share("facts_second_\(name)", "  from what the second reader makes of the words", chosen) {
                            $0.isInSecond ?? false
                        },
                    share("facts_vector_\(name)", "  from the activation itself", chosen) { $0.isInVector },
                    share("facts_said_\(name)", "  said in the words", chosen) { $0.isSaid },
                ]
            }
        }
        let questions = Dictionary(grouping: cases, by: \.fact.question).map { question, cases in
            func share(_ isFound: (FactCase) -> Bool) -> Double {
                Double(cases.count(where: isFound)) / Double(cases.count)
            }
            return Verification.QuestionReading(
                question: question, facts: cases.count, fromVector: share(\.isInVector),
                fromWords: share(\.isInReconstruction), said: share(\.isSaid))
        }
        return (findings.compactMap { $0 }, questions.sorted { $0.question < $1.question })
    }

    /// Every fact that holds at a row and that a probe reads.
    private func factCases(_ probes: TeacherProbes) -> [FactCase] {
        let documents = test.rows.map { test.store.document(of: $0).id }
        let truth = probes.readings(test.vectors, documents: documents)
        let made = probes.readings(reconstructions, documents: documents)
        let others = secondReconstructions.map { probes.readings($0, documents: documents) }
        return (0..<test.count).flatMap { row -> [FactCase] in
            let place = test.store.row(test.rows[row])
            let moment = test.store.moment(of: test.rows[row])?.question
            let said = Set(grammar.read(explanations[row].description).claims)
            return test.store.document(of: test.rows[row]).truths(at: place.byteEnd).compactMap { fact, standing in
                guard let read = truth[row].best(fact.question) else { return nil }
                return FactCase(
                    row: row, fact: fact, standing: standing, isMoment: fact.question == moment,
                    isInVector: read == fact.value, isInReconstruction: made[row].best(fact.question) == fact.value,
                    isSaid: said.contains(fact), isInSecond: others.map { $0[row].best(fact.question) == fact.value })
            }
        }
    }
}
