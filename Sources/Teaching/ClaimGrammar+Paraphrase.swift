import Claims
import Tensors

extension ClaimGrammar {
    /// A text with every claim in another of the grammar's sentences for it; nil if it has none that can be said otherwise.
    public func paraphrased(_ text: String, using random: inout Random) -> String? {
        var isChanged = false
        let sentences = Sentences.split(text).map { sentence -> String in
            guard let claim = read(sentence).claims.first,
                let other = paraphrases(claim).filter({ $0 != sentence }).randomElement(using: &random)
            else { return sentence }
            isChanged = true
            return other
        }
        return isChanged ? sentences.joined(separator: " ") : nil
    }
}
