import LanguageModel

extension NextTokenDistribution {
    /// Of the logits of all tokens. Throws ``Failure/notANumber`` where they make no distribution.
    package init(checking logits: [Float]) throws {
        self.init(logits)
        guard isDistribution else { throw Failure.notANumber }
    }
}
