import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing

@Suite("Decoding")
struct DecodingTests {
    private func decoder(_ name: String) throws -> TransformerDecoder {
        try TransformerDecoder(Checkpoint(folder: goldens.appendingPathComponent("models/\(name)")))
    }

    /// Greedy continuation by computing the whole sequence again for each token.
    private func slowly(_ decoder: TransformerDecoder, _ prompt: [Int32], _ count: Int) -> [Int32] {
        var tokens = prompt
        for _ in 0..<count {
            var tree = TokenTree()
            tree.append(tokens)
            let tape = Tape(recording: false)
            let hidden = decoder.hidden(tree, rows: [Int32(tokens.count - 1)], tape: tape)
            let logits = decoder.logits(hidden, tape: tape)
            tokens.append(Sampling.draw(from: logits, [.greedy], uniforms: [0]).tokens[0])
        }
        return Array(tokens.dropFirst(prompt.count))
    }

    /// Runs a session to its end; tokens by leaf.
    private func finish(_ session: DecodingSession) -> [DecodingSession.Leaf: [Int32]] {
        var written: [DecodingSession.Leaf: [Int32]] = [:]
        while !session.isIdle { for event in session.step() { written[event.leaf, default: []].append(event.token) } }
        return written
    }

    @Test("Decoding with the cache writes what computing everything again writes", arguments: FamilyTests.families)
    func cached(family: String) throws {
        let decoder = try decoder(family)
        let prompt: [Int32] = [3, 1, 4, 1, 5, 9, 2, 6]
        let session = DecodingSession(decoder, precision: .float32, expectedRows: 4)
        var tree = TokenTree()
        tree.append(prompt)
        let leaf = session.start(after: session.prefill(tree)[0], .init(sampling: .greedy, maximumTokens: 12), seed: 0)
        #expect(finish(session)[leaf] == slowly(decoder, prompt, 12))
    }

    @Test("Leaves of a shared prompt write what each would write alone, whatever joins and leaves beside them")
    func continuous() throws {
        let decoder = try decoder("qwen2")
        let prompts: [[Int32]] = [[1, 2, 3, 30], [1, 2, 3, 31, 4], [1, 2, 3, 32]]
        let shared: [Int32] = [1, 2, 3]
        let session = DecodingSession(decoder, precision: .float32, expectedRows: 8)
        var tree = TokenTree()
        let root = tree.append(shared)
        for prompt in prompts { tree.append(Array(prompt.dropFirst(3)), after: root) }
        let nodes = session.prefill(tree)
        let lengths = [9, 3, 14]
        var leaves: [DecodingSession.Leaf] = []
        var written: [DecodingSession.Leaf: [Int32]] = [:]
        // The third leaf starts only after the second has ended.
        for index in 0..<2 {
            leaves.append(
                session.start(after: nodes[index + 1], .init(sampling: .greedy, maximumTokens: lengths[index]), seed: 0)
            )
        }
        for _ in 0..<5 { for event in session.step() { written[event.leaf, default: []].append(event.token) } }
        leaves.append(session.start(after: nodes[3], .init(sampling: .greedy, maximumTokens: lengths[2]), seed: 0))
        for (leaf, tokens) in finish(session) { written[leaf, default: []] += tokens }
        for index in 0..<3 {
            #expect(written[leaves[index]] == slowly(decoder, prompts[index], lengths[index]))
        }
    }

    @Test("A session whose memory is limited writes what another does, however much comes and goes")
    func limited() throws {
        let decoder = try decoder("qwen2"), prompt: [Int32] = [1, 2, 3]
        let session = DecodingSession(decoder, precision: .float32, rowLimit: 40)
        var tree = TokenTree()
        tree.append(prompt)
        let root = session.prefill(tree)[0]
        // Up to three at once, twice as many rows in all as there is memory for, of lengths that leave gaps.
        var written: [DecodingSession.Leaf: [Int32]] = [:], lengths: [DecodingSession.Leaf: Int] = [:]
        for round in 0..<12 {
            for length in [4 + round % 5, 9 - round % 3] where session.activeCount < 3 {
                let leaf = session.start(after: root, .init(sampling: .greedy, maximumTokens: length), seed: 0)
                lengths[leaf] = length
            }
            for _ in 0..<3 { for event in session.step() { written[event.leaf, default: []].append(event.token) } }
        }
        for (leaf, tokens) in finish(session) { written[leaf, default: []] += tokens }
        let expected = slowly(decoder, prompt, 9)
        for (leaf, length) in lengths { #expect(written[leaf] == Array(expected.prefix(length))) }
        #expect(lengths.values.reduce(0, +) > 2 * 40)
    }

    @Test("A tree can continue a node computed earlier")
    func continuing() throws {
        let decoder = try decoder("llama")
        let session = DecodingSession(decoder, precision: .float32)
        var first = TokenTree(), second = TokenTree()
        first.append([7, 8, 9])
        second.append([10, 11])
        let base = session.prefill(first)[0]
        let node = session.prefill(second, after: base)[0]
        let leaf = session.start(after: node, .init(sampling: .greedy, maximumTokens: 6), seed: 0)
        #expect(finish(session)[leaf] == slowly(decoder, [7, 8, 9, 10, 11], 6))
    }

    @Test("Behind an empty segment a leaf continues the parent, in the tree or above it")
    func emptySegments() throws {
        let decoder = try decoder("llama")
        let session = DecodingSession(decoder, precision: .float32)
        var first = TokenTree(), second = TokenTree()
        let root = first.append([7, 8, 9])
        let empty = first.append([], after: root)
        let nodes = session.prefill(first, logitsFor: [root, empty])
        second.append([])
        second.append([3])
        let above = session.prefill(second, after: nodes[empty])[0]
        let leaves = [nodes[root], nodes[empty], above].map {
            session.start(after: $0, .init(sampling: .greedy, maximumTokens: 5), seed: 0)
        }
        let written = finish(session), expected = slowly(decoder, [7, 8, 9], 5)
        for leaf in leaves { #expect(written[leaf] == expected) }
    }

    @Test("A prefix can be computed for later, without logits")
    func prefix() throws {
        let decoder = try decoder("qwen2")
        let session = DecodingSession(decoder, precision: .float32)
        var first = TokenTree(), second = TokenTree()
        first.append([1, 2, 3])
        second.append([4])
        let base = session.prefill(first, logitsFor: [])[0]
        let leaf = session.start(
            after: session.prefill(second, after: base)[0], .init(sampling: .greedy, maximumTokens: 5), seed: 0)
        #expect(finish(session)[leaf] == slowly(decoder, [1, 2, 3, 4], 5))
    }

    @Test("The same seed draws the same tokens, in company or alone; another seed draws others")
    func seeds() throws {
        let decoder = try decoder("qwen3")
        func draw(_ seeds: [UInt64]) -> [[Int32]] {
            let session = DecodingSession(decoder, precision: .float32)
            var tree = TokenTree()
            tree.append([1, 2, 3])
            let node = session.prefill(tree)[0]
            let leaves = seeds.map { session.start(after: node, .init(maximumTokens: 20), seed: $0) }
            let written = finish(session)
            return leaves.map { written[$0] ?? [] }
        }
        let together = draw([1, 2, 3])
        #expect(draw([2]) == [together[1]])
        #expect(Set(together).count == 3)
    }

    @Test("Sampled tokens follow the model's distribution")
    func distribution() throws {
        let decoder = try decoder("llama")
        let session = DecodingSession(decoder, precision: .float32)
        var tree = TokenTree()
        tree.append([5, 6])
        let node = session.prefill(tree)[0]
        var counts = [Double](repeating: 0, count: 37), logProbabilities = counts
        let draws = 4000
        for seed in 0..<draws { _ = session.start(after: node, .init(maximumTokens: 1), seed: UInt64(seed)) }
        for event in session.step() {
            counts[Int(event.token)] += 1
            logProbabilities[Int(event.token)] = Double(event.logProbability)
        }
        for token in 0..<37 where counts[token] > 0 {
            let expected = exp(logProbabilities[token]) * Double(draws)
            #expect(abs(counts[token] - expected) < 5 * expected.squareRoot() + 3)
        }
    }

    @Test("A stop token ends its leaf and is part of it")
    func stopToken() throws {
        let decoder = try decoder("qwen2")
        let greedy = slowly(decoder, [1, 2, 3], 8)
        let session = DecodingSession(decoder, precision: .float32)
        var tree = TokenTree()
        tree.append([1, 2, 3])
        let stop = greedy[4]
        let leaf = session.start(
            after: session.prefill(tree)[0], .init(sampling: .greedy, maximumTokens: 8, stopTokens: [stop]), seed: 0)
        let expected = greedy.prefix(through: try #require(greedy.firstIndex(of: stop)))
        #expect(finish(session)[leaf] == Array(expected))
    }

    /// Rules, and what transformers writes greedily with the same processors after 3 1 4 1 5 9 2 6.
    static let ruled: [(LogitRules, [Int32])] = {
        func rules(_ change: (inout LogitRules) -> Void) -> LogitRules {
            var rules = LogitRules()
            change(&rules)
            return rules
        }
        return [
            (LogitRules(), [1, 1, 1, 1, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20]),
            (
                rules { $0.repetitionPenalty = 1.6 }, [20, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25]
            ),
            (rules { $0.frequencyPenalty = 0.7 }, [1, 25, 25, 20, 20, 20, 17, 33, 18, 25, 25, 3, 9, 15]),
            (rules { $0.presencePenalty = 0.9 }, [1, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25, 25]),
            (
                rules {
                    $0.bias = [7: 1.5, 22: -2]
                    $0.repetitionPenalty = 1.3
                    $0.frequencyPenalty = 0.2
                    $0.presencePenalty = 0.4
                }, [7, 20, 25, 25, 25, 25, 1, 20, 20, 20, 15, 17, 33, 18]
            ),
        ]
    }()

    @Test("Penalties and biases write what transformers writes with them", arguments: ruled)
    func rules(_ rules: LogitRules, _ expected: [Int32]) throws {
        let decoder = try decoder("qwen2"), prompt: [Int32] = [3, 1, 4, 1, 5, 9, 2, 6]
        let session = DecodingSession(decoder, precision: .float32)
        var tree = TokenTree()
        tree.append(prompt)
        var options = DecodingSession.Options(sampling: .greedy, maximumTokens: expected.count)
        options.rules = rules
        options.history = prompt
        let node = session.prefill(tree)[0]
        let leaf = session.start(after: node, options, seed: 0)
        // A leaf without rules beside it is not touched by them.
        let plain = session.start(after: node, .init(sampling: .greedy, maximumTokens: expected.count), seed: 0)
        let written = finish(session)
        #expect(written[leaf] == expected)
        #expect(written[plain] == DecodingTests.ruled[0].1)
    }

    @Test("Tokens that end a text are not drawn before it has as many as it must")
    func minimum() throws {
        let decoder = try decoder("qwen2"), greedy = slowly(decoder, [1, 2, 3], 8)
        let session = DecodingSession(decoder, precision: .float32)
        var tree = TokenTree()
        tree.append([1, 2, 3])
        let node = session.prefill(tree)[0], stop = greedy[0]
        func write(_ least: Int) -> [Int32] {
            var options = DecodingSession.Options(sampling: .greedy, maximumTokens: 8, stopTokens: [stop])
            options.rules.minimumTokens = least
            options.rules.heldBack = [stop]
            let leaf = session.start(after: node, options, seed: 0)
            return finish(session)[leaf] ?? []
        }
        #expect(write(0) == [stop])
        let held = write(3)
        #expect(held.count > 3 && !held.prefix(3).contains(stop))
        #expect(write(8).count == 8)
    }

    @Test("The most probable tokens are told beside each, the drawn one among them")
    func alternatives() throws {
        let decoder = try decoder("llama")
        let session = DecodingSession(decoder, precision: .float32)
        var tree = TokenTree()
        tree.append([5, 6])
        var options = DecodingSession.Options(sampling: .greedy, maximumTokens: 4)
        options.alternatives = 5
        _ = session.start(after: session.prefill(tree)[0], options, seed: 0)
        while !session.isIdle {
            for event in session.step() {
                #expect(event.alternatives.count == 5 && event.alternatives[0].token == event.token)
                #expect(event.alternatives[0].logProbability == event.logProbability)
                let sorted = event.alternatives.map(\.logProbability).sorted(by: >)
                #expect(event.alternatives.map(\.logProbability) == sorted)
            }
        }
    }

    @Test("An injected vector replaces its token's embedding")
    func injection() throws {
        // Injecting exactly the embedding of a token changes nothing.
        let decoder = try decoder("gemma3")
        let row = decoder.embedding.value.rows(9..<10).floats().map { $0 * Float(24).squareRoot() }
        var plain = TokenTree(), injected = TokenTree()
        plain.append([1, 9, 4])
        let segment = injected.append([1, 0, 4])
        injected.inject(segment: segment, offset: 1)
        let expected = decoder.hidden(plain, tape: Tape(recording: false)).value
        let vectors = Variable(Tensor(row, shape: [1, 24]))
        let ours = decoder.hidden(injected, vectors: vectors, tape: Tape(recording: false)).value
        #expect(ours.relativeError(to: expected) < 1e-6)
    }

    @Test("Stop strings end the text before them, also across pieces")
    func stopStrings() {
        var filter = StopStringFilter(["END", "\n\n"])
        let shown = ["one E", "N", "O two\n", "three EN", "D four"].map { filter.append($0) }
        #expect(shown == ["one ", "", "ENO two", "\nthree ", ""])
        #expect(filter.isStopped)
        var open = StopStringFilter(["END"])
        #expect(open.append("the EN") + open.finish() == "the EN")
    }
}
