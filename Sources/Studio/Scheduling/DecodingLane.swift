import Autoencoder
import LanguageModel
import Tensors

/// One model's writing: everything in flight on one token tree, whatever request it came from.
///
/// A round computes some of the prompts that wait and one more token of every text being written. What a round costs is bounded
/// by the places and by `prefillRows`, so a long prompt delays the texts beside it by no more than a piece of itself.
final class DecodingLane {
    /// Texts written at once. A request that has none always gets one, beyond this number if need be.
    let places: Int
    /// Prompt rows computed in a round.
    private let prefillRows = 512
    /// Memory for keys and values, which other lanes share.
    private let budget: CacheBudget
    /// Cache rows that fit it, and the bytes of one.
    private let rowLimit: Int, rowBytes: Int
    private let decoder: TransformerDecoder
    private let precision: Precision
    /// Whose prompt activations are put into; nil in a lane that takes none.
    private let verbalizer: Verbalizer?

    private var session: DecodingSession?
    /// The verbalizer's prompt before the activation, once computed.
    private var prefix: DecodingSession.Node??
    private var queue = FairQueue<Continuation>()
    /// Taken from the queue, their prompts not yet computed.
    private var preparing: [Continuation] = []
    private var patience = Patience(company: 4, rounds: 3)
    private var writing: [DecodingSession.Leaf: Continuation] = [:]
    /// Whether the rows of `prefix` have been taken from the budget.
    private var hasPrefixRows = false

    init(
        _ decoder: TransformerDecoder, precision: Precision, places: Int, budget: CacheBudget,
        verbalizer: Verbalizer? = nil
    ) {
        self.decoder = decoder
        self.precision = precision
        self.places = places
        self.verbalizer = verbalizer
        self.budget = budget
        rowBytes = DecodingLane.rowBytes(decoder.configuration)
        rowLimit = budget.limit / rowBytes
    }

    /// Bytes of a token's keys and values, float32 in every block.
    static func rowBytes(_ c: DecoderConfiguration) -> Int { 8 * c.blockCount * c.keyValueHeadCount * c.headWidth }

    /// Whether nothing waits and nothing is written.
    var isIdle: Bool { queue.isEmpty && preparing.isEmpty && writing.isEmpty }
    /// Texts being written.
    var writingCount: Int { writing.count }

    /// Takes a text to be written. One that has no place in memory fails at once.
    func append(_ continuation: Continuation) {
        let wanted = rows(of: continuation) + prefixRows(of: continuation.prompt)
        guard wanted <= rowLimit else {
            return continuation.fail(Failure.tooLarge(tokens: wanted, limit: rowLimit))
        }
        continuation.prompt.users += 1
        queue.append(continuation, of: continuation.ticket)
    }

    /// One step of everything in flight.
    func round() {
        dropLost()
        admit()
        prefill()
        step()
    }

    /// Gives back the memory of keys and values, while nothing is written.
    func rest() {
        if isIdle { dropCache() }
    }

    private func dropCache() {
        session = nil
        prefix = nil
        if hasPrefixRows { budget.give(prefixRows * rowBytes) }
        hasPrefixRows = false
    }

    // MARK: Admission

    private func admit() {
        while let (next, held) = queue.first {
            guard preparing.count + writing.count < places || held == 0 else { return }
            // What comes next in turn is waited for rather than overtaken, or large texts would wait forever.
            guard next.prompt.isPaid || takeRows(for: next) else { return }
            _ = queue.takeFirst()
            if next.prompt.isReady { start(next) } else { preparing.append(next) }
        }
        budget.forget(self)
    }

    private func takeRows(for next: Continuation) -> Bool {
        let first = hasPrefixRows ? 0 : prefixRows(of: next.prompt)
        guard budget.take((rows(of: next) + first) * rowBytes, for: self) else {
            // What is kept for later may be what is missing now.
            guard hasPrefixRows, preparing.isEmpty, writing.isEmpty else { return false }
            dropCache()
            return takeRows(for: next)
        }
        if first > 0 { hasPrefixRows = true }
        return true
    }

    /// Cache rows of the verbalizer's prompt before the activation.
    private var prefixRows: Int { verbalizer?.prompt.prefix.count ?? 0 }

    private func prefixRows(of prompt: Prompt) -> Int {
        if case .activation = prompt.content { prefixRows } else { 0 }
    }

    private func giveRows(of continuation: Continuation) { budget.give(rows(of: continuation) * rowBytes) }

    /// Cache rows that a text may come to need. A shared prompt is counted for each of its texts, which errs on the safe side.
    private func rows(of continuation: Continuation) -> Int {
        continuation.options.maximumTokens + rows(of: continuation.prompt)
    }

    private func rows(of prompt: Prompt) -> Int {
        switch prompt.content {
        case .tokens(let ids): ids.count
        case .embeddings(let rows): rows.rows
        case .activation: verbalizer?.prompt.suffix.count ?? 0
        case .branch: 1
        }
    }

    private func start(_ continuation: Continuation) {
        guard let node = continuation.prompt.nodes.last else { trap("a ready prompt without nodes") }
        writing[open().start(after: node, continuation.options, seed: continuation.seed)] = continuation
    }

    private func open() -> DecodingSession {
        if let session { return session }
        let new = DecodingSession(decoder, precision: precision, rowLimit: rowLimit)
        session = new
        return new
    }

    // MARK: Prompts

    /// Computes prompts up to `prefillRows`: of activations together, of short texts together, or a piece of a long one.
    private func prefill() {
        guard !preparing.isEmpty else { return }
        let isBegun = preparing.contains { $0.prompt.computed > 0 }
        guard isBegun || patience.isOver(preparing.count, isBusy: !writing.isEmpty) else { return }
        var budget = prefillRows
        var activations: [Prompt] = [], short: [Prompt] = [], long: Prompt?
        var seen: Set<ObjectIdentifier> = []
        for continuation in preparing where seen.insert(ObjectIdentifier(continuation.prompt)).inserted {
            let prompt = continuation.prompt, count = rows(of: prompt)
            if case .activation = prompt.content {
                guard count <= budget || activations.isEmpty else { continue }
                activations.append(prompt)
            } else if count <= budget {
                short.append(prompt)
            } else {
                guard count > prefillRows, long == nil else { continue }
                long = prompt
            }
            budget -= min(budget, count)
            if budget == 0 { break }
        }
        if !activations.isEmpty { prefill(activations: activations) }
        if !short.isEmpty { prefill(short: short) }
        if let long { extend(long) }
        let ready = preparing.filter(\.prompt.isReady)
        preparing.removeAll(where: \.prompt.isReady)
        ready.forEach(start)
        // Long prompts take turns.
        if long != nil, preparing.count > 1 { preparing.append(preparing.removeFirst()) }
    }

    private func prefill(activations prompts: [Prompt]) {
        guard let verbalizer else { trap("an activation in a lane that takes none") }
        let session = open()
        let above: DecodingSession.Node?
        if let known = prefix {
            above = known
        } else {
            above = verbalizer.prefillPrefix(session)
            prefix = .some(above)
        }
        let vectors = joined(
            prompts.map {
                guard case .activation(let vector) = $0.content else { trap("no activation") }
                return vector
            })
        guard let vectors else { return }
        for (prompt, node) in zip(prompts, verbalizer.prefill(vectors, after: above, session)) { ready(prompt, node) }
    }

    private func prefill(short prompts: [Prompt]) {
        var tree = TokenTree(), rows: [Tensor] = []
        for prompt in prompts { append(prompt, 0..<self.rows(of: prompt), to: &tree, &rows) }
        for (prompt, node) in zip(prompts, open().prefill(tree, vectors: joined(rows))) { ready(prompt, node) }
    }

    /// The next piece of a prompt.
    private func extend(_ prompt: Prompt) {
        let total = rows(of: prompt), range = prompt.computed..<min(total, prompt.computed + prefillRows)
        let isLast = range.upperBound == total
        var tree = TokenTree(), rows: [Tensor] = []
        append(prompt, range, to: &tree, &rows)
        let node = open().prefill(
            tree, vectors: joined(rows), after: prompt.nodes.last, logitsFor: isLast ? [0] : [])[0]
        prompt.computed = range.upperBound
        if isLast { ready(prompt, node) } else { prompt.nodes.append(node) }
    }

    /// A stretch of a prompt as a segment of its own; what it injects goes to `rows`.
    private func append(_ prompt: Prompt, _ range: Range<Int>, to tree: inout TokenTree, _ rows: inout [Tensor]) {
        switch prompt.content {
        case .tokens(let ids): tree.append(Array(ids[range]))
        case .embeddings(let embeddings):
            // The tokens are placeholders: every row is replaced.
            let segment = tree.append([Int32](repeating: 0, count: range.count))
            for offset in 0..<range.count { tree.inject(segment: segment, offset: offset) }
            rows.append(embeddings.rows(range))
        case .activation, .branch: trap("prompts of this kind are computed whole")
        }
    }

    private func joined(_ tensors: [Tensor]) -> Tensor? {
        guard let width = tensors.first?.width else { return nil }
        let places = tensors.indices.flatMap { index in (0..<tensors[index].rows).map { (tensor: index, row: $0) } }
        return Tensor.gatheringRows(places, of: tensors, width: width)
    }

    private func ready(_ prompt: Prompt, _ node: DecodingSession.Node) {
        prompt.nodes.append(node)
        prompt.isReady = true
    }

    // MARK: Branches

    /// A prompt as it is, and with other vectors at the output of block `layer` of its last token, on one tree: what stands before that token is
    /// computed once.
    ///
    /// - Parameters:
    ///   - vectors: [1, d] each, float32; nil for the prompt as it is.
    ///   - newTokens: that will be written after each.
    /// - Returns: prompts to continue, with the logits [1, vocabulary] behind each.
    /// - Throws: `Failure.tooLarge`, and 429 while others hold the memory.
    func branches(
        _ ids: [Int32], layer: Int, vectors: [Tensor?], newTokens: Int
    ) throws -> [(prompt: Prompt, logits: Tensor)] {
        let wanted = ids.count - 1 + vectors.count * (newTokens + 1)
        guard wanted <= rowLimit else { throw Failure.tooLarge(tokens: wanted, limit: rowLimit) }
        // All of it at once: branches that waited for memory while others wait for theirs would never end.
        guard budget.takeNow(wanted * rowBytes) else { throw ErrorReply.busy("steering", limit: vectors.count) }
        let head = Prompt(.tokens(Array(ids.dropLast()))), session = open()
        // What stands before is computed in stretches: a pass takes memory for all its rows.
        var rest = ids.dropLast()
        while rest.count > prefillRows {
            var stretch = TokenTree()
            stretch.append(Array(rest.prefix(prefillRows)))
            head.nodes += session.prefill(stretch, after: head.nodes.last, logitsFor: [])
            rest = rest.dropFirst(prefillRows)
        }
        var tree = TokenTree()
        let root = rest.isEmpty ? nil : tree.append(Array(rest))
        let ends = vectors.map { _ in tree.append(Array(ids.suffix(1)), after: root) }
        let places = vectors.indices.filter { vectors[$0] != nil }
        let replacement = joined(vectors.compactMap { $0 }), tape = Tape(recording: false, precision: precision)
        let nodes = session.prefill(tree, after: head.nodes.last, logitsFor: ends) { block, hidden in
            guard block == layer, let replacement else { return hidden }
            // Behind the last block only the rows that are read are there.
            let isWhole = hidden.value.rows == tree.rowCount
            let rows = places.map { Int32(isWhole ? tree.segments[ends[$0]].firstRow : $0) }
            return tape.replacing(rows, of: hidden, with: Variable(replacement))
        }
        if let root {
            head.nodes.append(nodes[root])
            head.users = ends.count
        }
        return ends.map { end in
            let prompt = Prompt(.branch)
            prompt.isPaid = true
            ready(prompt, nodes[end])
            if root != nil { prompt.parent = head }
            guard let logits = session.logits(behind: nodes[end]) else { trap("a branch without logits") }
            return (prompt, logits)
        }
    }

    /// Gives back the memory of branches after which nothing is going to be written.
    ///
    /// - Parameter newTokens: as `branches` was told.
    func abandon(_ branches: [Prompt], newTokens: Int) {
        for prompt in branches {
            budget.give((newTokens + rows(of: prompt)) * rowBytes)
            prompt.users = 1
            release(prompt)
        }
    }

    // MARK: Writing

    private func step() {
        guard let session, !writing.isEmpty else { return }
        for event in session.step() {
            guard let continuation = writing[event.leaf] else { continue }
            if event.logProbability.isNaN {
                end(event.leaf, continuation)
                continuation.fail(Failure.notANumber)
            } else if continuation.take(event) || event.end != nil {
                end(event.leaf, continuation)
            }
        }
    }

    private func end(_ leaf: DecodingSession.Leaf, _ continuation: Continuation) {
        session?.cancel(leaf)
        writing[leaf] = nil
        release(continuation)
        queue.giveBack(of: continuation.ticket)
        giveRows(of: continuation)
    }

    /// A continuation no longer uses its prompt.
    private func release(_ continuation: Continuation) { release(continuation.prompt) }

    /// One user less; without any its rows are free.
    private func release(_ prompt: Prompt) {
        prompt.users -= 1
        guard prompt.users == 0 else { return }
        for node in prompt.nodes.reversed() { session?.release(node) }
        prompt.nodes = []
        prompt.isReady = false
        guard let parent = prompt.parent else { return }
        prompt.parent = nil
        release(parent)
        if parent.users == 0 { budget.give(rows(of: parent) * rowBytes) }
    }

    /// Drops the work of requests that nobody waits for, and of those whose time is up.
    private func dropLost() {
        let now = ContinuousClock.now
        for ticket in queue.tickets {
            guard let loss = ticket.loss(at: now) else { continue }
            for continuation in queue.removeAll(of: ticket) {
                if continuation.prompt.isPaid { giveRows(of: continuation) }
                release(continuation)
                continuation.fail(loss)
            }
        }
        for continuation in preparing {
            guard let loss = continuation.ticket.loss(at: now) else { continue }
            preparing.removeAll { $0 === continuation }
            release(continuation)
            queue.giveBack(of: continuation.ticket)
            giveRows(of: continuation)
            continuation.fail(loss)
        }
        for (leaf, continuation) in writing {
            guard let loss = continuation.ticket.loss(at: now) else { continue }
            end(leaf, continuation)
            continuation.fail(loss)
        }
    }
}
