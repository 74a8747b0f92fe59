import LanguageModel
import Tensors

/// How an activation enters the verbalizer (docs/method.md §2).
public enum InjectionMethod: String, Sendable, CaseIterable {
    /// `v · scale / ‖v‖` takes the place of the marker's embedding, after the embedding's own scaling.
    case replace
    /// `h + v · ‖h‖ / ‖v‖` at the marker, at the output of a block: of block 1 in published pairs.
    case normMatchedAdd = "norm_matched_add"
}

/// The injection: one small, swappable piece. Everything that puts a vector into a verbalizer goes through here.
public struct Injection: Sendable, Equatable {
    /// Where the vector goes.
    public let method: InjectionMethod
    /// The norm of a replacing vector; nil leaves it as it is. Norm-matched addition takes the norm it finds.
    public let norm: Double?
    /// For an addition: the 0-based block to whose output the vector is added.
    public let block: Int

    /// An injection.
    public init(_ method: InjectionMethod, norm: Double? = nil, block: Int = InjectionPlace.defaultBlock) {
        self.method = method
        self.norm = norm
        self.block = block
    }

    /// The norm that vectors are scaled to before they enter; nil leaves them as they are.
    private var preparedNorm: Double? { method == .replace ? norm : 1 }

    /// Vectors [n, d] as they will be injected: scaled to the norm, or to unit length for the addition. Zero stays zero.
    /// Throws for NaN and infinity, naming the row.
    public func prepared(_ vectors: Tensor) throws -> Tensor {
        if let bad = vectors.firstNonFinite() {
            throw ModelError(
                "row \(bad / max(1, vectors.width)) of the vectors holds NaN or infinity; every number must be finite")
        }
        return prepared(Variable(vectors.converted(to: .float32)), tape: Tape(recording: false)).value
    }

    /// The same with a gradient by the vectors, [n, d] float32, which must be finite.
    func prepared(_ vectors: Variable, tape: Tape) -> Variable {
        preparedNorm.map { tape.scaledRows(vectors, toNorm: $0) } ?? vectors
    }

    /// What the decoder is given beside a tree whose markers are in `rows`.
    struct DecoderInputs {
        /// Replaces the tree's injected rows.
        var vectors: Variable?
        /// Watches the blocks.
        var observer: BlockObserver?
    }

    /// Prepares a tree: the marker stands first in each of `segments`, and segment i takes row i of `prepared` vectors.
    ///
    /// - Parameter tape: of the pass.
    func place(_ prepared: Variable, in tree: inout TokenTree, segments: [Int], tape: Tape) -> DecoderInputs {
        switch method {
        case .replace:
            for segment in segments { tree.inject(segment: segment, offset: 0) }
            return DecoderInputs(vectors: prepared)
        case .normMatchedAdd:
            let rows = segments.map { Int32(tree.segments[$0].firstRow) }
            return DecoderInputs { [block] index, hidden in
                index == block ? tape.addingAtNorm(rows, of: hidden, directions: prepared) : hidden
            }
        }
    }
}
