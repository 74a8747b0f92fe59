import Activations
import Autoencoder
import Claims
import Faithfulness
import Foundation
import LanguageModel
import Teaching
import Tensors
import Tokenization
import WarmStart

/// Attacks places, one batch at a time: searches vectors, decodes what the pair writes of them, and checks their KL with a pass that
/// the search has no part in.
struct Attacker {
    private let options: VectorAttackOptions
    private let pair: Pair
    private let target: Target
    private let store: ActivationStore
    private let watch: Watch
    private let grammar: any ClaimGrammar
    private let splicer: Splicer
    private let attack: VectorAttack

    /// How far from the activation later attempts begin, as a share of its norm.
    private static let startLength = 0.2
    /// Next tokens that a worked example shows.
    private static let shownTokens = 3

    init(
        _ options: VectorAttackOptions, _ pair: Pair, _ target: Target, _ store: ActivationStore, _ watch: Watch
    ) throws {
        self.options = options
        self.pair = pair
        self.target = target
        self.store = store
        self.watch = watch
        grammar = try options.grammar.grammar
        splicer = try Splicer(target, precision: options.precision)
        attack = VectorAttack(
            pair.verbalizer, splicer, precision: options.precision, steps: options.steps,
            learningRate: options.learningRate)
    }

    func attack(_ cases: [AttackCase]) throws -> [AttackRecord] {
        let rows = try TestRows(store, rows: cases.map(\.row), target)
        let places = rows.ids.indices.map { (ids: rows.ids[$0], position: rows.positions[$0]) }
        let sites = splicer.sites(places, reach: options.reach)
        let best = try search(cases, places, sites)
        let attacked = Tensor(best.flatMap(\.vector), shape: [cases.count, splicer.width])
        let clean = Tensor(sites.flatMap { $0.activation.floats() }, shape: attacked.shape)
        let random = self.random(cases, attacked, clean)
        let trials = try [clean, attacked, random].map { try self.trials($0, clean, cases, places) }
        return cases.indices.map { index in
            let item = cases[index], site = sites[index]
            return AttackRecord(
                name: item.name, seed: item.seed, goal: item.goal.rawValue, document: store.document(of: item.row).id,
                subject: item.fact.subject, relation: item.fact.relation, truth: item.fact.value,
                lie: item.falseFact?.value, textSoFar: String(store.textSoFar(item.row).suffix(240)),
                wanted: item.wanted, budget: best[index].budget, clean: trials[0][index], attacked: trials[1][index],
                random: trials[2][index], nextBefore: tokens(site.likeliest(Attacker.shownTokens)),
                nextAfter: tokens(
                    splicer.likeliest(Attacker.shownTokens, at: site, with: attacked.rows(index..<index + 1))))
        }
    }

    /// The smallest budget first, and at each the attempts that are still needed.
    private func search(
        _ cases: [AttackCase], _ places: [(ids: [Int32], position: Int)], _ sites: [Splicer.Site]
    ) throws -> [BestAttempt] {
        var best = sites.map { BestAttempt(activation: $0.activation.floats()) }
        for budget in options.budgets {
            for attempt in 0..<options.attempts {
                let open = cases.indices.filter { best[$0].budget == nil }
                if open.isEmpty { return best }
                let found = attack.run(
                    open.map { index in
                        .init(
                            site: sites[index], response: pair.verbalizer.responseIDs(cases[index].wanted),
                            start: start(cases[index], sites[index], attempt))
                    }, budget: budget)
                let vectors = Tensor(found.flatMap(\.vector), shape: [open.count, splicer.width])
                let words = try explain(vectors), largest = divergences(vectors, open.map { places[$0] }).map(\.largest)
                for (place, index) in open.enumerated() {
                    best[index].see(
                        found[place], isAchieved: cases[index].isAchieved(by: words[place], grammar),
                        divergence: largest[place], budget: budget)
                }
            }
        }
        return best
    }

    /// The first attempt begins at the activation, later ones beside it.
    private func start(_ item: AttackCase, _ site: Splicer.Site, _ attempt: Int) -> [Float]? {
        guard attempt > 0 else { return nil }
        var random = Random(seed: item.seed, Random.key(item.name), UInt64(attempt))
        let size = Scores.norm(site.activation) / Double(splicer.width).squareRoot()
        return (0..<splicer.width).map { _ in Float(random.normal() * size * Attacker.startLength) }
    }

    /// Vectors as far from the activations as the attacked ones, in random directions.
    private func random(_ cases: [AttackCase], _ attacked: Tensor, _ clean: Tensor) -> Tensor {
        let a = attacked.floats(), h = clean.floats(), d = splicer.width
        let values = cases.enumerated().flatMap { index, item -> [Float] in
            var random = Random(seed: item.seed, Random.key(item.name), Random.key("random direction"))
            let own = index * d..<(index + 1) * d
            let length = a[own].squaredDistance(to: h[own]).squareRoot()
            let direction = (0..<d).map { _ in random.normal() }
            let norm = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return zip(h[own], direction).map { $0 + Float($1 * length / norm) }
        }
        return Tensor(values, shape: attacked.shape)
    }

    private func explain(_ vectors: Tensor) throws -> [Explanation] {
        try pair.verbalizer.mostProbable(vectors, maximumTokens: options.maximumTokens)
    }

    /// KL by a whole forward pass of the target with the vector spliced in.
    private func divergences(
        _ vectors: Tensor, _ places: [(ids: [Int32], position: Int)]
    ) -> [(largest: Double, own: Double)] {
        let spliced = places.enumerated().map { index, place in
            Splicer.Patch(ids: place.ids, position: place.position, vectors: vectors.rows(index..<index + 1))
        }
        return splicer.effects(spliced, reach: options.reach).map { effects in
            (([effects[0].divergence] + effects[0].following).largest() ?? 0, effects[0].divergence)
        }
    }

    private func trials(
        _ vectors: Tensor, _ clean: Tensor, _ cases: [AttackCase], _ places: [(ids: [Int32], position: Int)]
    ) throws -> [AttackRecord.Trial] {
        let words = try explain(vectors), sighting = try watch.look(at: vectors, words)
        let divergences = self.divergences(vectors, places), d = splicer.width
        let v = vectors.floats(), h = clean.floats(), angles = try Scores.rows(vectors, clean)
        let others = sighting.others.mapValues { $0.map { grammar.read($0).claims } }
        return cases.enumerated().map { index, item in
            let own = index * d..<(index + 1) * d
            let delta = v[own].squaredDistance(to: h[own]).squareRoot()
            return AttackRecord.Trial(
                words: words[index].description, isAchieved: item.isAchieved(by: words[index], grammar),
                divergence: divergences[index].largest, ownDivergence: divergences[index].own,
                length: delta / h[own].squaredNorm.squareRoot().atLeast(1e-12), cosine: angles[index].cosine,
                scores: Dictionary(
                    uniqueKeysWithValues: sighting.scores.map { ($0.key.key, $0.value[index]) }),
                meanSquaredError: sighting.errors[index].meanSquaredError,
                reconstructionCosine: sighting.errors[index].cosine,
                probeReadsTruth: sighting.probed.best(item.fact.question, row: index).map {
                    $0.value == item.fact.value
                },
                readersSayTruth: others.mapValues { $0[index].contains(item.fact) },
                readersSayLie: others.mapValues { claims in item.falseFact.map(claims[index].contains) ?? false })
        }
    }

    private func tokens(_ likeliest: [(token: Int32, probability: Float)]) -> [AttackRecord.Token] {
        likeliest.map { .init(text: target.tokenizer.decode([$0.token]), probability: $0.probability) }
    }
}
