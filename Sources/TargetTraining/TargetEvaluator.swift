import Claims
import LanguageModel
import Runs
import Tensors
import Tokenization

/// Measures a decoder on held-out documents; see ``TargetEvaluation``.
package struct TargetEvaluator {
    private let decoder: TransformerDecoder
    private let heldOut: TokenizedDocuments
    private let precision: Precision
    /// Rows of one pass.
    private let rowsPerPass = 4096

    /// An evaluator. The documents must be ones that no step trains on.
    package init(_ decoder: TransformerDecoder, _ heldOut: TokenizedDocuments, precision: Precision) {
        self.decoder = decoder
        self.heldOut = heldOut
        self.precision = precision
    }

    /// A moment's answer in a pass: the rows that predict its tokens.
    private struct Answer {
        var document: LabelledDocument
        var moment: LabelledDocument.Moment
        var tokens: [Int32]
        var rows: Range<Int>
    }

    /// Reads the first `documents` held-out documents, or all if there are fewer. Throws ``NonFiniteError``.
    package func evaluate(documents wanted: Int) throws -> TargetEvaluation {
        let count = min(wanted, heldOut.source.count ?? wanted)
        var losses: [String: TargetEvaluation.Loss] = [:]
        var judged: [(document: LabelledDocument, moment: LabelledDocument.Moment, isRight: Bool)] = []
        var next = 0
        while next < count {
            var batch = DocumentBatch()
            var read: [(document: LabelledDocument, segment: Int)] = []
            while next < count, batch.targets.count < rowsPerPass {
                let document = heldOut.source.document(next)
                read.append((document, batch.append(heldOut.tokens(document))))
                next += 1
            }
            let lossRows = batch.targets.count
            let answers = read.flatMap { findAnswers($0.document, segment: $0.segment, &batch.tree) }
            let (logProbabilities, chosen) = run(batch, lossRows: lossRows, answers)
            for (document, segment) in read {
                var loss = losses[document.kind] ?? TargetEvaluation.Loss(kind: document.kind)
                let rows = batch.tree.segments[segment].rows
                loss.documents += 1
                loss.tokens += rows.count
                loss.nats -= logProbabilities[rows].reduce(0) { $0 + Double($1) }
                losses[document.kind] = loss
            }
            for (answer, tokens) in zip(answers, chosen) {
                judged.append((answer.document, answer.moment, tokens == answer.tokens))
            }
        }
        let result = TargetEvaluation(
            losses: losses.values.sorted { $0.kind < $1.kind }, moments: TargetEvaluator.table(judged))
        guard result.loss.isFinite else { throw NonFiniteError("the held-out loss") }
        return result
    }

    /// Log-probabilities of the documents' targets, and the first choice at every row that predicts an answer.
    private func run(
        _ batch: DocumentBatch, lossRows: Int, _ answers: [Answer]
    ) -> (logProbabilities: [Float], chosen: [[Int32]]) {
        let tape = Tape(recording: false, precision: precision)
        let hidden = decoder.hidden(batch.tree, tape: tape).value
        let rows = answers.flatMap { $0.rows.map(Int32.init) }
        var first: [Int32] = []
        if !rows.isEmpty {
            let logits = decoder.logits(Variable(hidden.gatheringRows(rows)), tape: tape)
            first =
                Sampling.draw(
                    from: logits, [Sampling](repeating: .greedy, count: rows.count),
                    uniforms: [Double](repeating: 0, count: rows.count)
                ).tokens
        }
        var chosen: [[Int32]] = []
        for answer in answers {
            chosen.append(Array(first.prefix(answer.rows.count)))
            first.removeFirst(answer.rows.count)
        }
        guard lossRows > 0 else { return ([], chosen) }
        let logProbabilities = decoder.logProbabilities(
            of: batch.targets, Variable(hidden.rows(0..<lossRows).copy()), tape: tape)
        return (logProbabilities.value.floats(), chosen)
    }

    /// The moments of a document with the rows that predict their answers. An answer that does not begin or end between two
    /// tokens of the document gets a segment of its own: the text before it, then the answer.
    private func findAnswers(_ document: LabelledDocument, segment: Int, _ tree: inout TokenTree) -> [Answer] {
        let rows = tree.segments[segment].rows
        let whole = tree.tokens[rows]
        return document.moments.compactMap { moment in
            let before = heldOut.tokenizer.encode(
                String(decoding: document.text.utf8.prefix(moment.offset), as: UTF8.self))
            let answer = heldOut.tokenizer.encode(moment.answer, addSpecialTokens: false)
            let end = before.count + answer.count
            guard !before.isEmpty, !answer.isEmpty, end <= heldOut.limit else { return nil }
            var begin = rows.lowerBound
            if !whole.starts(with: before + answer) {
                let own = tree.append(before + answer)
                begin = tree.segments[own].firstRow
            }
            return Answer(
                document: document, moment: moment, tokens: answer,
                rows: begin + before.count - 1..<begin + end - 1)
        }
    }

    /// Counts by kind of document, kind of moment and standing.
    package static func table(
        _ judged: [(document: LabelledDocument, moment: LabelledDocument.Moment, isRight: Bool)]
    ) -> [TargetEvaluation.Moments] {
        struct Asked: Hashable {
            var documentKind: String, kind: String
            var question: Question
        }
        func asked(_ document: LabelledDocument, _ moment: LabelledDocument.Moment) -> Asked {
            Asked(documentKind: document.kind, kind: moment.kind, question: moment.question)
        }
        var frequencies: [Asked: [String: Int]] = [:]
        for (document, moment, _) in judged {
            frequencies[asked(document, moment), default: [:]][moment.answer, default: 0] += 1
        }
        let commonest = frequencies.mapValues { answers in
            answers.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
        }
        var table: [TargetEvaluation.Moments] = []
        for (document, moment, isRight) in judged {
            let standing = document.truths.first { truth in
                truth.fact.question == moment.question && truth.standing(at: moment.offset) != nil
            }?.standing(at: moment.offset)
            let index = table.firstIndex {
                $0.documentKind == document.kind && $0.kind == moment.kind && $0.standing == standing
            }
            var row =
                index.map { table[$0] }
                ?? TargetEvaluation.Moments(documentKind: document.kind, kind: moment.kind, standing: standing)
            row.count += 1
            if isRight { row.right += 1 }
            if commonest[asked(document, moment)] == moment.answer { row.commonest += 1 }
            if let index { table[index] = row } else { table.append(row) }
        }
        return table.sorted {
            ($0.documentKind, $0.kind, $0.standing?.rawValue ?? "") < (
                $1.documentKind, $1.kind, $1.standing?.rawValue ?? ""
            )
        }
    }
}
