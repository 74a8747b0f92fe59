import Autoencoder
import Claims
import LanguageModel
import Tensors
import Training

extension Verifier {
    /// What takes the place of an activation in the target.
    private enum Substitute: String, CaseIterable {
        case reconstruction, other, mean, random

        var title: String {
            switch self {
            case .reconstruction: "the reconstruction"
            case .other: "another document's reconstruction"
            case .mean: "the mean activation"
            case .random: "a random error as large as the reconstruction's"
            }
        }
    }

    /// What happens to the target's predictions when reconstructions, scaled to the activation's norm, take the place of activations.
    func splices() throws -> [Finding] {
        let splicer = try Splicer(material.target, precision: material.precision)
        let rows = spread(options.splicedRows, over: Array(0..<test.count))
        guard let partners = test.store.partners(of: test.rows) else { return [] }
        let scaled = reconstructions.scaled(toNormsOf: test.vectors)
        let others = reconstructions.gatheringRows(partners.map(Int32.init)).scaled(toNormsOf: test.vectors)
        let average = meanVector
        let effects = splicer.effects(
            rows.map { row in
                let random = randomError(row, as: scaled)
                return Splicer.Place(
                    ids: test.ids[row], position: test.positions[row],
                    vectors: .stacking([scaled.rows(row..<row + 1), others.rows(row..<row + 1), average, random]))
            }, reach: options.splicedReach)
        let effectOf = Dictionary(uniqueKeysWithValues: zip(rows, effects))
        func divergence(_ substitute: Substitute, _ row: Int) -> Double? { effect(substitute, row)?.divergence }
        func effect(_ substitute: Substitute, _ row: Int) -> Splicer.Effect? {
            guard let index = Substitute.allCases.firstIndex(of: substitute) else { return nil }
            return effectOf[row]?[index]
        }
        var findings: [Finding?] = []
        for substitute in Substitute.allCases {
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
            finding(.splice, "recovered", "share of the mean activation's damage that the words undo", .percent) {
                row in
                guard let damage = divergence(.mean, row), let left = divergence(.reconstruction, row) else {
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
        let length = max(direction[...].squaredNorm.squareRoot(), 1e-12)
        return Tensor(zip(truth, direction).map { $0 + $1 * Float(size / length) }, shape: [1, truth.count])
    }

    /// How often the text's true continuation is picked among others of the same kind of document, from a vector alone: the target
    /// reads it behind block K of a single empty token, and says how much likelier each continuation becomes than behind the mean
    /// activation. The explanation's vector is the reconstruction, which has seen nothing but the words.
    func continuations() throws -> [Finding] {
        let length = options.continuationTokens
        let fit = (0..<test.count).filter { test.positions[$0] + length < test.ids[$0].count }
        let rows = spread(options.continuedRows, over: fit)
        func continuation(_ row: Int) -> [Int32] {
            Array(test.ids[row][test.positions[row] + 1...test.positions[row] + length])
        }
        let candidates = rows.map { self.candidates(of: $0, among: rows) }
        let chosen = rows.indices.filter { candidates[$0].count == options.continuations }
        guard !chosen.isEmpty, let partners = test.store.partners(of: test.rows) else { return [] }
        let splicer = try Splicer(material.target, precision: material.precision)
        let kept = chosen.map { rows[$0] }
        let offered = chosen.map { index in candidates[index].map(continuation) }
        // The mean activation's expectation, once for each continuation.
        let distinct = Array(Set(offered.joined())).sorted { $0.lexicographicallyPrecedes($1) }
        let common = Dictionary(
            uniqueKeysWithValues: zip(distinct, splicer.logLikelihoods(meanVector, of: [distinct])[0]))
        let places = kept.map(Int32.init)
        let scaled = reconstructions.scaled(toNormsOf: test.vectors)
        let others = reconstructions.gatheringRows(partners.map(Int32.init)).scaled(toNormsOf: test.vectors)
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
                scaled
            ),
            ("continuation_vector", "  from the activation itself", test.vectors),
            ("continuation_other", "  from another document's explanation; chance is \(chance)", others),
        ].compactMap { name, title, vectors in
            let picked = picked(vectors)
            return mean(.tests, name, title, .percent) { row in picked[row].map { $0 ? 1 : 0 } }
        }
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

    /// How often linear readers find the facts that are about to matter in the activation, in what the reconstructor made of the
    /// words alone, and how often the words say them.
    func facts() throws -> [Finding] {
        guard let probes = material.probes else { return [] }
        let documents = test.rows.map { test.store.document(of: $0).id }
        let truth = probes.readings(test.vectors, documents: documents)
        let made = probes.readings(reconstructions, documents: documents)
        struct Case { let fact: Fact, standing: Standing }
        let cases = (0..<test.count).map { row -> Case? in
            let place = test.store.row(test.rows[row])
            guard let moment = test.store.moment(of: test.rows[row]) else { return nil }
            let holding = test.store.document(of: test.rows[row]).truths(at: place.byteEnd)
            guard let found = holding.first(where: { $0.fact.question == moment.question }),
                truth[row].best(found.fact.question) != nil
            else { return nil }
            return Case(fact: found.fact, standing: found.standing)
        }
        var findings: [Finding?] = []
        for standing in Standing.allCases {
            func share(_ name: String, _ title: String, _ isFound: (Int, Fact) -> Bool) -> Finding? {
                mean(.tests, "\(name)_\(standing.rawValue)", title, .percent) { row in
                    guard let found = cases[row], found.standing == standing else { return nil }
                    return isFound(row, found.fact) ? 1 : 0
                }
            }
            findings += [
                share(
                    "facts_words", "\(standing.rawValue) facts about to matter, read from the words by a linear reader"
                ) {
                    made[$0].best($1.question) == $1.value
                },
                share("facts_vector", "  from the activation itself") { truth[$0].best($1.question) == $1.value },
                share("facts_said", "  said in the words") { row, fact in
                    grammar.read(explanations[row].description).claims.contains(fact)
                },
            ]
        }
        return findings.compactMap { $0 }
    }
}
